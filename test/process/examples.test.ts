/** The examples of the library, run as they stand, with each other. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { digestTree, makeFolder } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const { at, run } = useStage();

function example(name: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`../../examples/${name}.mjs`, import.meta.url));
  return run(process.execPath, [file, ...args], { env: { XDG_CACHE_HOME: at("cache") } });
}

it("publish and get move a folder, and both end by themselves", async () => {
  makeFolder(at("folder"), 10);
  const publisher = example("publish", at("folder"), "6");
  const line = await publisher.until(({ stdout }) => stdout.find((text) => text.startsWith("at ")));
  await example("get", line.slice(3), at("out")).succeed(30_000);
  expect(await digestTree(at("out/folder"))).toEqual(await digestTree(at("folder")));
  await publisher.succeed(30_000);
  expect(publisher.stdout.some((text) => text.startsWith("joined: "))).toBe(true);
  expect(publisher.stdout.at(-1)).toBe("folder: 1 complete");
  expect(publisher.stderr.filter((text) => !text.includes("no network address"))).toEqual([]);
});

it("create writes a torrent, and tracker tracks it", async () => {
  makeFolder(at("folder"), 3);
  mkdirSync(at("torrents"));
  const create = example("create", at("folder"), at("torrents/folder.torrent"));
  await create.succeed(30_000);
  const { infoHash } = parseMetainfo(new Uint8Array(readFileSync(at("torrents/folder.torrent"))), nodeHashes);
  const hex = Buffer.from(infoHash ?? []).toString("hex");
  expect(create.stdout[0]).toMatch(new RegExp(`^${hex} \\d+ files in \\d+ pieces$`));

  const tracker = example("tracker", at("torrents"));
  const line = await tracker.until(({ stdout }) => stdout.find((text) => text.startsWith("at ")));
  const hash = hex.replace(/../g, "%$&");
  const query = `info_hash=${hash}&peer_id=-TR3000-abcdefghijkl&port=7000&left=5`;
  await fetch(`${line.slice(3)}?${query}`);
  await tracker.until(({ stdout }) =>
    stdout.find((text) => /^joined: Transmission 3\.0.* at 127\.0\.0\.1:7000$/.test(text)),
  );
  writeFileSync(at("done"), "");
  expect(await tracker.stop("SIGINT")).toBe(0);
});
