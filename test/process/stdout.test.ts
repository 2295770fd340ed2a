/** `share get SOURCE --stdout`, as pipes see it. */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { commandPath } from "../support/command.ts";
import { useStage } from "../support/stage.ts";

const { at, publish, run } = useStage();
const MIB = 1_048_576;

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** A shell's pipe: `share get URL --stdout FLAGS | REST`, run with its exit codes told on standard error. */
function pipe(url: string, rest: string, flags = "") {
  const script = `set -o pipefail; "$0" "$1" get "$2" --stdout --no-lan ${flags} ${rest}; echo "codes \${PIPESTATUS[*]}" >&2`;
  return run("bash", ["-c", script, process.execPath, commandPath, url], { env: { TMPDIR: at("tmp") } });
}

async function share(name: string, bytes: number, ...flags: string[]) {
  mkdirSync(at("tmp"), { recursive: true });
  const data = randomBytes(bytes);
  writeFileSync(at(name), data);
  const publisher = publish(name, ...flags);
  return { data, url: String((await publisher.event("ready"))["url"]), publisher };
}

describe("share get --stdout", () => {
  it("gives the file's bytes and nothing else, and leaves nothing behind", async () => {
    const { data, url } = await share("film.bin", 20 * MIB + 7);
    const command = pipe(url, `> ${at("copy")}`);
    await command.succeed();
    expect(digest(readFileSync(at("copy")))).toBe(digest(data));
    expect(command.stderr.join("\n")).toContain("film.bin");
    expect(readdirSync(at("tmp"))).toEqual([]);
    expect(readdirSync(at()).sort()).toEqual(["cache", "copy", "film.bin", "tmp"]);
  });

  it("keeps the file as well where a folder is named", async () => {
    const { data, url } = await share("film.bin", 3 * MIB);
    await pipe(url, "| sha256sum > sum", `-o ${at("out")}`).succeed();
    expect(readFileSync(at("sum"), "latin1")).toContain(digest(data));
    expect(digest(readFileSync(at("out", "film.bin")))).toBe(digest(data));
    // Once it is there, it is only read.
    await pipe(url, "| sha256sum > sum2", `-o ${at("out")}`).succeed();
    expect(readFileSync(at("sum2"), "latin1")).toContain(digest(data));
  });

  it("begins before everything is here", async () => {
    const { data, url } = await share("film.bin", 24 * MIB, "--limit-up", "4MB/s");
    const command = pipe(url, `> ${at("copy")}`);
    const size = () => statSync(at("copy"), { throwIfNoEntry: false })?.size ?? 0;
    await expect.poll(size, { timeout: 20_000 }).toBeGreaterThan(MIB);
    expect(size()).toBeLessThan(16 * MIB);
    expect(digest(readFileSync(at("copy")).subarray(0, MIB))).toBe(digest(data.subarray(0, MIB)));
    await command.succeed();
    expect(digest(readFileSync(at("copy")))).toBe(digest(data));
  });

  it("waits for a slow reader in little memory, and ends cleanly when the reader leaves", async () => {
    const { url } = await share("film.bin", 200 * MIB);
    // Reads a little, sleeps, looks at the writer's memory, leaves.
    const peak = `(head -c 1000000 | wc -c; sleep 4; grep VmHWM /proc/$(pgrep -P $$ -f "get .*--stdout" | head -1)/status) > ${at("peak")}`;
    const command = pipe(url, `| ${peak}`);
    await command.end();
    const [count, high] = readFileSync(at("peak"), "latin1").split("\n");
    expect(Number(count)).toBe(1_000_000);
    expect(Number(/\d+/.exec(high ?? "")?.[0])).toBeLessThan(190_000);
    expect(command.stderr.join("\n")).toContain("codes 130 0");
    expect(command.stderr.join("\n")).not.toMatch(/error|Interrupted/);
    expect(readdirSync(at("tmp"))).toEqual([]);
  });

  it("refuses a folder, says what to do, and takes a chosen file", async () => {
    mkdirSync(at("photos"));
    mkdirSync(at("tmp"));
    writeFileSync(at("photos", "a.jpg"), randomBytes(1_000));
    writeFileSync(at("photos", "b.jpg"), randomBytes(2_000));
    const url = String((await publish("photos").event("ready"))["url"]);
    const refused = pipe(url, `> ${at("copy")}`);
    expect(await refused.end()).toBe(0);
    expect(refused.stderr.join("\n")).toContain("codes 2");
    expect(refused.stderr.join("\n")).toContain(
      `"photos" has 2 files, and standard output takes one. Choose it with --select GLOB, or get them all as an archive: curl -s ${url}.tar | tar x`,
    );
    expect(statSync(at("copy")).size).toBe(0);
    await pipe(url, `> ${at("copy")}`, "--select b.jpg").succeed();
    expect(readFileSync(at("copy"))).toEqual(readFileSync(at("photos", "b.jpg")));
    expect(readdirSync(at("tmp"))).toEqual([]);
  });

  it("clears away what a killed process has left", async () => {
    const { data, url } = await share("film.bin", 24 * MIB, "--limit-up", "4MB/s");
    const killed = run(process.execPath, [commandPath, "get", url, "--stdout", "--no-lan"], {
      env: { TMPDIR: at("tmp") },
    });
    await expect
      .poll(() => readdirSync(at("tmp"), { recursive: true }).length, { timeout: 20_000 })
      .toBeGreaterThan(1);
    await killed.stop("SIGKILL");
    expect(readdirSync(at("tmp"))).toHaveLength(1);
    await pipe(url, `| sha256sum > sum`, "--limit-down 100MB/s").succeed();
    expect(readFileSync(at("sum"), "latin1")).toContain(digest(data));
    expect(readdirSync(at("tmp"))).toEqual([]);
  });

  it("can't be had together with --json", async () => {
    mkdirSync(at("tmp"));
    const refused = pipe("http://127.0.0.1:1/s/x", "", "--json");
    await refused.end();
    expect(refused.stderr.join("\n")).toContain("codes 2");
  });
});
