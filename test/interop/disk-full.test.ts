/** A real file system without room: needs the right to mount one, as interop runs have. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { Child } from "../support/child.ts";
import { commandPath, ShareProcess } from "../support/command.ts";
import { noise, scratch } from "../support/data.ts";

const place = scratch();
afterAll(() => place.remove());

it.each([
  // The larger one's pieces are checked and written by a thread.
  [12, 4, 20],
  [100, 60, 120],
])(
  "get of %i MB ends with 4 on a full disk, says so, keeps what is there, and goes on from that when there is room",
  async (size, room, later) => {
    const file = path.join(place.dir, "file.bin");
    writeFileSync(file, Buffer.alloc(size * 1_000_000, noise(1_000_003, 4)));
    const small = path.join(place.dir, `small-${size}`);
    mkdirSync(small);
    const publisher = new ShareProcess([
      file,
      "--bind",
      "127.0.0.1",
      "--cache-dir",
      path.join(place.dir, "cache"),
    ]);
    try {
      const { url } = await publisher.event("ready");
      const get = `"${process.execPath}" "${commandPath}" get ${url} -o ${small} --json`;
      const script = `mount -t tmpfs -o size=${room}m tmpfs ${small} && ${get}; echo "exit $?"; ls -A ${small}
      mount -o remount,size=${later}m ${small}; echo again; ${get}; echo "exit $?"; cmp ${file} ${small}/file.bin && ls -A ${small}`;
      const child = new Child("unshare", ["--mount", "bash", "-c", script]);
      await child.end();
      const cut = child.stdout.indexOf("again");
      const [first, second] = [child.stdout.slice(0, cut), child.stdout.slice(cut)];
      expect(first.join("\n")).toContain('"code":"storage-full"');
      expect(first.slice(-3)).toEqual(["exit 4", ".file.bin.boojum", "file.bin"]);
      const started = second.find((line) => line.includes('"event":"started"')) ?? "{}";
      const { resumedBytes = 0 } = JSON.parse(started) as { resumedBytes?: number };
      expect(resumedBytes).toBeGreaterThan((room / 4) * 1_000_000);
      expect(second.slice(-2)).toEqual(["exit 0", "file.bin"]);
    } finally {
      await publisher.stop();
    }
  },
);

it("what is published by a pipe ends with 4 on a full disk, and leaves nothing there", async () => {
  const small = path.join(place.dir, "spool");
  mkdirSync(small);
  const share = `"${process.execPath}" "${commandPath}" - --name big --json --bind 127.0.0.1 --cache-dir ${small}`;
  const script = `mount -t tmpfs -o size=4m tmpfs ${small} && head -c 10000000 /dev/zero | ${share}; echo "exit $?"; ls -A ${small}`;
  const { stdout } = await finished("unshare", ["--mount", "bash", "-c", script]);
  expect(stdout.find((line) => line.includes("storage-full"))).toContain("the disk is full after");
  expect(stdout.filter((line) => !line.startsWith("{"))[0]).toBe("exit 4");
  expect(stdout.filter((line) => line.startsWith("boojum-spool"))).toEqual([]);
});

it("publish needs no place to write to: its URL is just not remembered", async () => {
  const file = path.join(place.dir, "other.bin");
  writeFileSync(file, "data");
  const cache = path.join(place.dir, "read-only");
  mkdirSync(cache);
  const script = `mount -t tmpfs -o ro tmpfs ${cache} && exec "${process.execPath}" "${commandPath}" ${file} --json --bind 127.0.0.1 --cache-dir ${cache}`;
  const publisher = new Child("unshare", ["--mount", "bash", "-c", script]);
  try {
    const said = (what: string) =>
      publisher.until(({ stdout }) => stdout.find((line) => line.includes(what)));
    await said('"event":"ready"');
    expect(JSON.parse(await said('"code":"cache"'))).toMatchObject({ event: "warning" });
  } finally {
    expect(await publisher.stop("SIGINT")).toBe(0);
  }
});

async function finished(command: string, args: readonly string[]): Promise<Child> {
  const child = new Child(command, args);
  await child.end();
  return child;
}
