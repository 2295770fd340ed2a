/** Folders that a publisher doesn't expect, and files that don't stay what they were. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Child } from "../support/child.ts";
import { commandPath, type ShareEvent, ShareProcess } from "../support/command.ts";
import { digestFile, noise } from "../support/data.ts";
import { useScratch } from "../support/use-scratch.ts";

const place = useScratch();
const running: { stop(signal?: NodeJS.Signals): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
});

const at = (...parts: string[]) => path.join(place.dir, ...parts);

function publish(...args: string[]): ShareProcess {
  const flags = ["--bind", "127.0.0.1", "--cache-dir", at("cache")];
  const child = new ShareProcess(["publish", ...args, ...flags], { cwd: place.dir });
  running.push(child);
  return child;
}

const all = (child: ShareProcess, name: string): ShareEvent[] =>
  child.events.filter(({ event }) => event === name);

async function settled(child: ShareProcess, shares: number): Promise<void> {
  await child.until(
    () => all(child, "ready").length + all(child, "failed").length >= shares || undefined,
    20_000,
  );
}

describe("several paths, some of which can't be published", () => {
  beforeEach(() => {
    writeFileSync(at("good"), noise(200_000, 1));
    mkdirSync(at("empty"));
    mkdirSync(at("badly named"));
    execFileSync("bash", ["-c", "printf x > \"$1/$(printf '\\xff\\xfe')\"", "-", at("badly named")]);
    writeFileSync(at("fine"), noise(300_000, 2));
  });

  it("are no obstacle for the others, say why, and make the exit code 1", async () => {
    const child = publish("empty", "good", "badly named", "fine");
    await settled(child, 4);
    expect(all(child, "ready").map(({ name }) => name)).toEqual(["good", "fine"]);
    expect(all(child, "failed")).toEqual([
      {
        event: "failed",
        share: expect.any(String),
        name: "empty",
        code: "source",
        message: expect.any(String),
      },
      {
        event: "failed",
        share: expect.any(String),
        name: "badly named",
        code: "source",
        message: expect.any(String),
      },
    ]);
    expect(String(all(child, "failed")[1]?.["message"])).toContain("\\xff\\xfe");
    for (const { name, url } of all(child, "ready")) {
      const getter = new ShareProcess(["get", String(url), "-o", at("out")]);
      running.push(getter);
      await getter.succeed(20_000);
      expect(await digestFile(at("out", String(name)))).toBe(await digestFile(at(String(name))));
    }
    const [failed] = all(child, "failed");
    const { urls } = (await child.event("listening")) as unknown as { urls: string[] };
    const answer = await fetch(`${urls[0]}/s/${failed?.["share"]}.torrent`);
    expect(answer.status).toBe(410);
    expect(await answer.text()).toContain("There is no file to publish");
    expect(await child.stop("SIGINT")).toBe(1);
    expect(child.events.at(-1)).toEqual({ event: "stopped" });
  });

  it("are told to people, too", async () => {
    const child = new Child(
      process.execPath,
      [commandPath, "empty", "good", "--bind", "127.0.0.1", "--cache-dir", "cache"],
      { cwd: place.dir },
    );
    running.push(child);
    await child.until(({ stderr }) => stderr.find((line) => line.startsWith("Stop with")), 20_000);
    expect(child.stderr.join("\n")).toContain('warning: "empty" is not published: There is no file');
    expect(child.stderr.join("\n")).toContain("share get URL");
    expect(await child.stop("SIGTERM")).toBe(1);
  });

  it("end it all when none is left, with the reason of the first", async () => {
    const child = publish("empty", "badly named");
    expect(await child.end(20_000)).toBe(1);
    expect(all(child, "failed")).toHaveLength(2);
    expect(child.events.at(-1)).toMatchObject({ event: "error", code: "source" });
    expect(String(child.lastEvent("error")?.["message"])).toContain("There is no file to publish");
  });

  it("don't keep the others from ending by themselves", async () => {
    const child = publish("empty", "good", "--expire", "2s");
    expect(await child.end(20_000)).toBe(1);
    expect(all(child, "ended")).toHaveLength(1);
    expect(child.events.at(-1)).toEqual({ event: "stopped" });
  });

  it("that aren't there at all are a mistake, and nothing is opened", async () => {
    const child = publish("good", "goood");
    expect(await child.end(20_000)).toBe(1);
    expect(child.events.map(({ event }) => event)).toEqual(["error"]);
  });
});
