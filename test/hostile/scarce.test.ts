/** Too little of everything: descriptors, memory, and disks that can't be read any more, with real processes and a real kernel. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { commandPath, type ShareEvent } from "../support/command.ts";
import { digestTree, makeFolder, noise } from "../support/data.ts";
import { listenAsPeer, message } from "../support/hostile-peer.ts";
import { handshakeBytes } from "../support/scripted-peer.ts";
import { useStage } from "../support/stage.ts";
import { rewriteTorrent } from "../support/torrent-file.ts";

const stage = useStage();
const { at } = stage;

/** The command with `limit` set by the shell before it, and `--json`. */
function scarce(limit: string, ...args: string[]) {
  const script = `${limit}; exec "$0" "$@"`;
  const child = stage.run("bash", [
    "-c",
    script,
    process.execPath,
    "--max-old-space-size=128",
    commandPath,
    ...args,
    "--json",
  ]);
  const events = () => child.stdout.map((line) => JSON.parse(line) as ShareEvent);
  const event = (name: string) => child.until(() => events().find((one) => one.event === name), 20_000);
  return { child, events, event };
}

describe("with 64 descriptors and a heap of 128 MB, at both ends,", () => {
  it("a share of 400 files arrives by the wire and by HTTP, after 120 took all connections and kept them", async () => {
    makeFolder(at("folder"), 400);
    const flags = ["--bind", "127.0.0.1", "--port", "0", "--cache-dir", "cache"];
    const { child: publisher, event } = scarce("ulimit -n 64", "publish", "folder", ...flags);
    const ready = await event("ready");
    const url = new URL(String(ready["url"]));
    const answer = await fetch(String(ready["torrentUrl"]));
    const wire = rewriteTorrent(new Uint8Array(await answer.arrayBuffer()), [], at("wire.torrent"));
    const { child: getter } = scarce(
      "ulimit -n 64",
      "get",
      wire,
      "-o",
      "out",
      "--no-lan",
      "--peer",
      url.host,
    );
    await getter.succeed(50_000);
    expect(await digestTree(at("out/folder"))).toEqual(await digestTree(at("folder")));
    // As many as there are descriptors, all at once: some wait or are refused, and none of that lasts.
    const names = readdirSync(at("folder"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .slice(0, 120);
    await Promise.allSettled(
      names.map(({ name }) =>
        fetch(`${url}/files/${encodeURIComponent(name)}`).then((one) => one.arrayBuffer()),
      ),
    );
    const again = stage.share("get", url.href, "-o", "again", "--no-lan");
    await again.succeed(50_000);
    expect(await digestTree(at("again/folder"))).toEqual(await digestTree(at("folder")));
    expect(publisher.process.exitCode).toBeNull();
  });
});

it("pieces of 512 MiB, a little of each from many peers, take no memory but for what has come", async () => {
  const pieces = 6;
  const info = `d6:lengthi${pieces * 2 ** 29}e4:name4:huge12:piece lengthi${2 ** 29}e6:pieces${20 * pieces}:${"h".repeat(20 * pieces)}e`;
  writeFileSync(at("huge.torrent"), `d4:info${info}e`);
  const infoHash = createHash("sha1").update(info).digest();
  let given = 0;
  const peers = await Promise.all(
    Array.from({ length: 20 }, (_, id) =>
      listenAsPeer((peer) => {
        // A little of everything: much is begun, nothing ends.
        peer.say(handshakeBytes({ id: 100 + id, infoHash }), message("0e"), message("01"));
        let seen = 0;
        const timer = setInterval(() => {
          const messages = peer.messages();
          for (const body of messages.slice(seen)) {
            if (body[0] !== 6 || given === 1_000) continue;
            given++;
            const ref = Buffer.from(body.subarray(1, 9)).toString("hex");
            peer.say(message(`07 ${ref} ${"66".repeat(16_384)}`));
          }
          seen = messages.length;
        }, 20);
        void peer.closed.then(() => clearInterval(timer));
      }),
    ),
  );
  try {
    const flags = peers.flatMap(({ port }) => ["--peer", `127.0.0.1:${port}`]);
    const { child, event } = scarce("true", "get", "huge.torrent", "-o", "out", "--no-lan", ...flags);
    await event("started");
    const status = () => readFileSync(`/proc/${child.process.pid}/status`, "utf8");
    await vi.waitFor(() => expect(given).toBe(1_000), { timeout: 20_000, interval: 100 });
    // 16 MB came; two pieces would be a thousand.
    expect(Number(/VmHWM:\s+(\d+)/.exec(status())?.[1]) / 1_000).toBeLessThan(220);
    expect(await child.stop("SIGINT")).toBe(130);
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
});

it("a disk whose sectors can't be read any more (EIO) costs the pieces that lie there, and nothing else", async () => {
  mkdirSync(at("mount"));
  // A file system in a file: where the file ends, reading it fails as on a broken disk.
  const script = `set -e
    truncate -s 32M image; mkfs.ext4 -q -O ^has_journal -b 4096 image; mount -o loop image mount
    mkdir mount/folder; cp a b mount/folder/; sync -f mount
    exec "$0" "$@"`;
  writeFileSync(at("a"), noise(6_000_000, 1));
  writeFileSync(at("b"), noise(6_000_000, 2));
  const flags = [
    "--bind",
    "127.0.0.1",
    "--port",
    "0",
    "--cache-dir",
    at("cache"),
    "--piece-size",
    "64KiB",
    "--json",
  ];
  const command = [process.execPath, commandPath, "publish", "mount/folder", ...flags];
  const publisher = stage.run("unshare", ["--mount", "bash", "-c", script, ...command]);
  const events = () => publisher.stdout.map((line) => JSON.parse(line) as ShareEvent);
  const ready = await publisher.until(() => events().find(({ event }) => event === "ready"), 20_000);
  const answer = await fetch(String(ready["torrentUrl"]));
  const wire = rewriteTorrent(new Uint8Array(await answer.arrayBuffer()), [], at("wire.torrent"));
  truncateSync(at("image"), 12 * 1024 * 1024);
  // What was read is still in memory; the publisher's own way to its files is ours to make the system forget it.
  for (const name of ["a", "b"]) {
    const file = `/proc/${publisher.process.pid}/root${at("mount/folder", name)}`;
    await stage.run("dd", [`if=${file}`, "iflag=nocache", "count=0", "status=none"]).succeed();
  }
  const { host } = new URL(String(ready["url"]));
  const getter = stage.get(wire, "--no-lan", "--timeout", "3s", "--peer", host);
  expect(await getter.end(40_000)).toBe(5);
  const warning = await publisher.until(() => events().find(({ code }) => code === "unreadable"), 10_000);
  expect(String(warning["message"])).toMatch(/mount\/folder\/b can't be read: EIO/);
  expect(Number(getter.lastEvent("progress")?.["bytesDone"])).toBeGreaterThan(7_000_000);
  expect(publisher.process.exitCode).toBeNull();
});
