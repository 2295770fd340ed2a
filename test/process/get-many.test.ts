/** `share get SOURCE SOURCE...`: many downloads in one process. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ShareEvent, ShareProcess } from "../support/command.ts";
import { digestFile, noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const { at, publish, share, plain } = useStage();

/** Publishes files of these sizes, each below a folder of its own; a process for all. */
async function shares(files: readonly (readonly [name: string, bytes: number])[], ...flags: string[]) {
  for (const [i, [name, bytes]] of files.entries()) {
    mkdirSync(at(String(i)), { recursive: true });
    writeFileSync(at(String(i), name), noise(bytes, i + 1));
  }
  const paths = files.map(([name], i) => at(String(i), name));
  const publisher = share(...paths, "--bind", "127.0.0.1", "--cache-dir", at("cache"), ...flags);
  const ready = await publisher.until(() => {
    const all = publisher.events.filter(({ event }) => event === "ready");
    return all.length === files.length ? all : undefined;
  });
  return ready.map(({ url }) => String(url));
}

const getAll = (urls: readonly string[], ...flags: string[]) =>
  share("get", ...urls, "-o", at("out"), "--no-lan", ...flags);

const of = (command: ShareProcess, source: string | undefined, event: string): ShareEvent | undefined =>
  command.events.find((each) => each["source"] === source && each.event === event);

describe("share get of several sources", () => {
  it("gets what can be got, a few at a time, and tells which each event is about", async () => {
    const urls = await shares([
      ["a.bin", 2_000_000],
      ["b.bin", 2_000_000],
      ["c.bin", 2_000_000],
    ]);
    const nothing = `${new URL(urls[0] ?? "").origin}/s/nothing2`;
    const [a = "", b = "", c = ""] = urls;
    const command = getAll([a, nothing, b, c, a], "-j", "2", "--limit-down", "8MB/s");
    expect(await command.end()).toBe(1);
    for (const [i, name] of ["a.bin", "b.bin", "c.bin"].entries()) {
      expect(of(command, urls[i], "done")).toMatchObject({ bytes: 2_000_000 });
      expect(await digestFile(at("out", name))).toBe(await digestFile(at(String(i), name)));
    }
    expect(of(command, nothing, "error")?.["message"]).toContain("404");
    // Given twice, got once.
    expect(command.events.filter(({ event }) => event === "done")).toHaveLength(3);
    let running = 0;
    for (const { event } of command.events) {
      if (event === "started") running++;
      else if (event === "done") running--;
      expect(running).toBeLessThanOrEqual(2);
    }
  });

  it("shares one limit fairly, and keeps to it", async () => {
    const urls = await shares([
      ["a.bin", 8_000_000],
      ["b.bin", 8_000_000],
    ]);
    const from = performance.now();
    const command = getAll(urls, "--limit-down", "4MB/s");
    const doneAt = urls.map(async (url) => {
      await command.until(() => of(command, url, "done"));
      return performance.now() - from;
    });
    const [a = 0, b = 0] = await Promise.all(doneAt);
    await command.succeed();
    // 4 s for both together; a bucket may be full at first.
    expect(Math.max(a, b)).toBeGreaterThan(3_400);
    expect(Math.abs(a - b)).toBeLessThan(1_500);
  });

  it("finds the same torrent there, once it is there, by whatever source", async () => {
    const [url = ""] = await shares([["a.bin", 6_000_000]], "--limit-up", "4MB/s");
    const other = url.replace("127.0.0.1", "localhost");
    const command = getAll([url, other]);
    await command.succeed();
    expect(of(command, url, "done")).toBeDefined();
    expect(of(command, other, "done")).toBeDefined();
    const fetched = command.events.filter(({ event }) => event === "started");
    expect(fetched.map((event) => event["resumedBytes"])).toEqual([0, 6_000_000]);
  });

  it("never writes one over the other", async () => {
    const urls = await shares([
      ["same.bin", 3_000_000],
      ["same.bin", 3_000_001],
    ]);
    // The publisher names the second one apart, so it is published alone.
    const second = publish(at("1", "same.bin"));
    const other = String((await second.event("ready"))["url"]);
    const command = getAll([urls[0] ?? "", other], "--overwrite", "-j", "1");
    expect(await command.end()).toBe(1);
    expect(of(command, other, "error")).toMatchObject({ code: "same-place" });
    expect(await digestFile(at("out", "same.bin"))).toBe(await digestFile(at("0", "same.bin")));
  });

  it("stops all at once, and continues all the next time", async () => {
    const urls = await shares(
      [
        ["a.bin", 5_000_000],
        ["b.bin", 5_000_000],
        ["c.bin", 5_000_000],
      ],
      "--limit-up",
      "3MB/s",
    );
    const command = getAll(urls, "-j", "2");
    await command.until(({ stdout }) =>
      stdout.some((line) => /"bytesDone":[1-9]/.test(line)) ? true : undefined,
    );
    expect(await command.stop("SIGINT")).toBe(130);
    expect(command.events.filter(({ event }) => event === "error")).toMatchObject([{ code: "interrupted" }]);
    expect(existsSync(at("out", ".a.bin.boojum.lock"))).toBe(false);
    const again = getAll(urls);
    await again.succeed();
    expect(Number(of(again, urls[0], "started")?.["resumedBytes"])).toBeGreaterThan(0);
  });

  it("tells people which is which", async () => {
    const urls = await shares([
      ["a.bin", 100_000],
      ["b.bin", 100_000],
    ]);
    const command = plain("get", ...urls, `${urls[0]}x`, "-o", at("out"), "--no-lan");
    expect(await command.end()).toBe(1);
    expect(command.stdout.sort()).toEqual([at("out", "a.bin"), at("out", "b.bin")]);
    const said = command.stderr.join("\n");
    expect(said).toContain(`error: ${urls[0]}x: There is nothing at`);
    expect(said).toMatch(new RegExp(`done {2}${urls[1]?.split("/").at(-1)}: 100`));
    expect(said).toContain("1 source of 3 failed.");
    expect(readFileSync(at("out", "a.bin")).length).toBe(100_000);
  });

  it("refuses what makes sense for one alone", async () => {
    for (const flag of ["--stdout", "--stream", "--pick"]) {
      const command = plain("get", "http://127.0.0.1:1/s/a", "http://127.0.0.1:1/s/b", flag);
      expect(await command.end()).toBe(2);
    }
  });
});
