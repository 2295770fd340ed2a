import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { newShareId, ShareMemory } from "../../src/share/publish/memory.ts";
import { lookAtPaths } from "../../src/share/publish/names.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();

describe("remembered IDs and ports", () => {
  const share = { id: "k3f9x2mw", port: 6881 };

  function onlyFile(): string {
    const folder = path.join(place.dir, "shares");
    const [name = ""] = readdirSync(folder);
    return path.join(folder, name);
  }

  it("come back for the same path and no other", async () => {
    const memory = new ShareMemory(place.dir);
    await memory.remember("/a", share);
    expect(await new ShareMemory(place.dir).recall("/a")).toEqual(share);
    expect(await memory.recall("/b")).toBeUndefined();
    await memory.remember("/a", { id: "zzzzzzzz", port: 7000 });
    expect(await memory.recall("/a")).toEqual({ id: "zzzzzzzz", port: 7000 });
    expect(readdirSync(path.join(place.dir, "shares"))).toHaveLength(1);
  });

  it.each([
    ["cut off", (text: string) => text.slice(0, 20)],
    ["empty", () => ""],
    ["of another path", (text: string) => text.replace("/a", "/b")],
    ["with an ID that would break URLs", (text: string) => text.replace("k3f9x2mw", "../../x ")],
    ["with a port that is none", (text: string) => text.replace("6881", "68810")],
    ["not an object", () => "null"],
  ])("are forgotten when their file is %s", async (_, damage) => {
    const memory = new ShareMemory(place.dir);
    await memory.remember("/a", share);
    writeFileSync(onlyFile(), damage(readFileSync(onlyFile(), "utf8")));
    expect(await memory.recall("/a")).toBeUndefined();
  });

  it("keep a listed and an unlisted URL of one path apart, for nobody else to read", async () => {
    const memory = new ShareMemory(place.dir);
    const hidden = { id: newShareId(true), port: 6882 };
    await memory.remember("/a", share);
    await memory.remember("/a", hidden, true);
    expect(await memory.recall("/a")).toEqual(share);
    expect(await memory.recall("/a", true)).toEqual(hidden);
    // A short ID would make an unlisted share easy to guess.
    await memory.remember("/b", share, true);
    expect(await memory.recall("/b", true)).toBeUndefined();
    expect(statSync(onlyFile()).mode & 0o077).toBe(0);
  });

  it("are whole when many write them at once", async () => {
    const ports = Array.from({ length: 20 }, (_, i) => 7000 + i);
    await Promise.all(ports.map((port) => new ShareMemory(place.dir).remember("/a", { ...share, port })));
    expect(ports).toContain((await new ShareMemory(place.dir).recall("/a"))?.port);
    expect(readdirSync(path.join(place.dir, "shares"))).toHaveLength(1);
  });

  it("are new otherwise: eight letters and digits that nobody confuses", () => {
    const ids = Array.from({ length: 200 }, newShareId);
    for (const id of ids) expect(id).toMatch(/^[2-9a-hjkmnp-z]{8}$/);
    expect(new Set(ids).size).toBe(200);
    expect(newShareId(true)).toMatch(/^[2-9a-hjkmnp-z]{21}$/);
  });
});

describe("names of what is published together", () => {
  it("are the last parts of the resolved paths, the second of one name with a number", async () => {
    for (const folder of ["a", "b", "c"]) {
      mkdirSync(path.join(place.dir, folder, "same"), { recursive: true });
      writeFileSync(path.join(place.dir, folder, "x.tar"), "x");
    }
    const at = (...parts: string[]) => path.join(place.dir, ...parts);
    const paths = [`${at("a/same")}/`, at("b", "same", "."), at("c/same"), at("a/x.tar"), at("b/x.tar")];
    const names = (await lookAtPaths(paths, undefined)).map(({ name }) => name);
    expect(names).toEqual(["same", "same (2)", "same (3)", "x.tar", "x (2).tar"]);
  });

  it("are taken once when something is given twice", async () => {
    expect(await lookAtPaths([place.dir, `${place.dir}/.`], undefined)).toHaveLength(1);
  });

  it("must be given for what has none", async () => {
    await expect(lookAtPaths(["/"], undefined)).rejects.toThrow(/--name/);
    expect((await lookAtPaths(["/"], "all"))[0]?.name).toBe("all");
  });

  it.each(["", "a/b", "..", "a\0"])(
    "are refused before anything is opened when they can't be one (%j)",
    async (name) => {
      await expect(lookAtPaths([place.dir], name)).rejects.toThrow(/can't be the name of a share/);
    },
  );
});
