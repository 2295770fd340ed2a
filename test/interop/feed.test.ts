/** The feed as an XML parser that isn't ours reads it, held to the rules of RFC 4287. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { scratch } from "../support/data.ts";

interface Element {
  /** `{namespace}name`. */
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly Element[];
}

/** Expat refuses what isn't well-formed. */
const parser = `
import json, sys
import xml.etree.ElementTree as ET
def show(e): return {"tag": e.tag, "attributes": e.attrib, "text": e.text or "", "children": [show(c) for c in e]}
print(json.dumps(show(ET.parse(sys.argv[1]).getroot())))`;
const atom = (name: string) => `{http://www.w3.org/2005/Atom}${name}`;

const place = scratch();
let publisher: ShareProcess;
let base: string;

beforeAll(async () => {
  const folders = ["<b>&amp; \u{1F381}", "plain", "\u0001\u202etxt"].map((name) =>
    path.join(place.dir, "in", name),
  );
  for (const [i, folder] of folders.entries()) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "file"), `contents ${i}`);
  }
  publisher = new ShareProcess([...folders, "--no-lan", "--cache-dir", path.join(place.dir, "cache")]);
  const { port } = await publisher.event("listening");
  await publisher.until(() => publisher.events.filter(({ event }) => event === "ready")[2]);
  base = `http://10.99.0.1:${String(port)}`;
});
afterAll(async () => {
  await publisher.stop();
  place.remove();
});

async function fetchFeed(): Promise<Element> {
  const answer = await fetch(`${base}/feed.xml`);
  expect(answer.headers.get("content-type")).toBe("application/atom+xml; charset=utf-8");
  const file = path.join(place.dir, "feed.xml");
  writeFileSync(file, await answer.text());
  return JSON.parse(await run("/usr/bin/python3", ["-c", parser, file])) as Element;
}

const named = (element: Element, name: string) => element.children.filter(({ tag }) => tag === atom(name));
const links = (element: Element, rel: string) =>
  named(element, "link").flatMap(({ attributes }) => (attributes["rel"] === rel ? [attributes] : []));

it("obeys RFC 4287, whatever the names of the shares are", async () => {
  const feed = await fetchFeed();
  expect(feed.tag).toBe(atom("feed"));
  const entries = named(feed, "entry");
  expect(entries).toHaveLength(3);
  // 4.1.1 and 4.1.2: exactly one of these in the feed and in each entry; an author for all of them.
  for (const element of [feed, ...entries]) {
    for (const name of ["id", "title", "updated"]) expect(named(element, name), name).toHaveLength(1);
    // 4.2.6: an absolute IRI. 3.3: a date of RFC 3339.
    expect(() => new URL(named(element, "id")[0]?.text ?? "")).not.toThrow();
    expect(named(element, "updated")[0]?.text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    // 4.1.2: an entry without content has an alternate; no more than one of a type.
    expect(links(element, "alternate")).toHaveLength(1);
  }
  expect(named(named(feed, "author")[0] ?? feed, "name")[0]?.text).not.toBe("");
  expect(links(feed, "self")).toEqual([
    { rel: "self", type: "application/atom+xml", href: `${base}/feed.xml` },
  ]);
  expect(new Set(entries.map((entry) => named(entry, "id")[0]?.text)).size).toBe(3);
  expect(entries.map((entry) => named(entry, "title")[0]?.text).sort()).toEqual([
    "<b>&amp; \u{1F381}",
    "\\x01\\u202etxt",
    "plain",
  ]);
});

it("leads to the torrents, whose lengths it tells", async () => {
  for (const entry of named(await fetchFeed(), "entry")) {
    const [enclosure] = links(entry, "enclosure");
    expect(enclosure?.["type"]).toBe("application/x-bittorrent");
    const torrent = await fetch(enclosure?.["href"] ?? "");
    expect(torrent.status).toBe(200);
    expect((await torrent.arrayBuffer()).byteLength).toBe(Number(enclosure?.["length"]));
  }
});
