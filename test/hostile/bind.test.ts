/**
 * What `--bind` promises, seen from outside: in a network namespace of its own (Linux, root) with several addresses,
 * /proc/net lists every socket that the publisher has.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Child } from "../support/child.ts";
import { commandPath, type ShareEvent } from "../support/command.ts";
import { noise, scratch } from "../support/data.ts";
import { linkUp } from "../support/lan.ts";

const NETWORK = `boojum-bind-${process.pid}`;
/** Not the one that the system would choose. */
const BOUND = "10.66.0.2";
const OTHER = "10.66.0.1";
let place: ReturnType<typeof scratch>;
const running: Child[] = [];

beforeAll(async () => {
  place = scratch();
  writeFileSync(path.join(place.dir, "file"), noise(100_000, 1));
  const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" });
  ip("netns", "add", NETWORK);
  ip("-n", NETWORK, "link", "set", "lo", "up");
  ip("-n", NETWORK, "link", "add", "net0", "type", "veth", "peer", "name", "net1");
  for (const address of [`${OTHER}/24`, `${BOUND}/24`])
    ip("-n", NETWORK, "addr", "add", address, "dev", "net0");
  for (const address of ["fd66::1/64", "fd66::2/64"])
    ip("-n", NETWORK, "addr", "add", address, "dev", "net0", "nodad");
  for (const end of ["net0", "net1"]) ip("-n", NETWORK, "link", "set", end, "up");
  ip("-n", NETWORK, "route", "add", "default", "dev", "net0");
  await linkUp(NETWORK, "net0");
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop("SIGKILL")));
});
afterAll(() => {
  execFileSync("ip", ["netns", "del", NETWORK]);
  place.remove();
});

function start(command: string, args: readonly string[]): Child {
  const child = new Child(command, args, { network: NETWORK, cwd: place.dir, env: { BOOJUM_NO_LAN: "" } });
  running.push(child);
  return child;
}

/** A program in that network that serves trackers over HTTP and UDP and listens as a peer, and tells who comes from where. */
const WITNESS = `
  const { createServer } = require("node:http");
  const net = require("node:net");
  const dgram = require("node:dgram");
  const [address, four] = [process.argv[1], !process.argv[1].includes(":")];
  const say = (what, from) => console.log(what + " " + from.replace("::ffff:", ""));
  const peer = net.createServer((socket) => {
    say("peer", socket.remoteAddress);
    socket.on("error", () => {}).destroy();
  });
  peer.listen(0, address, () => {
    const { port } = peer.address();
    const bytes = Buffer.from([...address.split("."), port >> 8, port & 255].map(Number));
    const peers = four ? Buffer.concat([Buffer.from("5:peers6:"), bytes]) : Buffer.from("5:peers0:");
    const http = createServer((request, response) => {
      say("http", request.socket.remoteAddress);
      response.end(Buffer.concat([Buffer.from("d8:intervali1800e"), peers, Buffer.from("e")]));
    });
    http.listen(0, address, () => {
      const udp = dgram.createSocket(four ? "udp4" : "udp6");
      udp.on("message", (bytes, from) => say("udp", from.address));
      udp.bind(0, address, () => console.log("ports", http.address().port, udp.address().port));
    });
  });`;

interface Witness {
  readonly child: Child;
  readonly trackers: readonly string[];
}

async function witness(address: string): Promise<Witness> {
  const child = start(process.execPath, ["-e", WITNESS, address]);
  const line = await child.until(({ stdout }) => stdout.find((each) => each.startsWith("ports")), 20_000);
  const [, http, udp] = line.split(" ");
  const host = address.includes(":") ? `[${address}]` : address;
  return {
    child,
    trackers: ["--tracker", `http://${host}:${http}/announce`, "--tracker", `udp://${host}:${udp}/announce`],
  };
}

async function publish(...flags: string[]): Promise<Child> {
  const child = start(process.execPath, [
    ...[commandPath, "publish", "file", "--cache-dir", "cache", "--port", "6881", "--json"],
    ...flags,
  ]);
  await child.until(({ stdout }) => stdout.find((line) => line.includes('"ready"')), 20_000);
  return child;
}

/** The local addresses of all sockets that `child` has, as `tcp 10.66.0.1:6881`. */
function sockets(child: Child): string[] {
  const folder = `/proc/${child.process.pid}/fd`;
  const inodes = new Set<string>();
  for (const name of readdirSync(folder)) {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(path.join(folder, name))) ?? [];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // Closed meanwhile.
    }
  }
  const found: string[] = [];
  for (const protocol of ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"]) {
    const table = readFileSync(`/proc/${child.process.pid}/net/${protocol}`, "latin1");
    for (const line of table.split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (!inodes.has(fields[9] ?? "")) continue;
      const [host = "", port = ""] = (fields[1] ?? "").split(":");
      found.push(`${protocol} ${addressOf(host)}:${Number.parseInt(port, 16)}`);
    }
  }
  return found.sort();
}

/** The kernel writes words in its own byte order, which is little-endian wherever tests run. */
function addressOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse());
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join(".");
  return bytes.join("");
}

const seen = ({ child }: Witness, what: string) =>
  child.stdout.filter((line) => line.startsWith(`${what} `)).map((line) => line.slice(what.length + 1));

async function expectCalls(at: Witness, from: string, kinds: readonly string[]): Promise<void> {
  for (const kind of kinds)
    await at.child.until(() => (seen(at, kind).length > 0 ? true : undefined), 15_000);
  for (const kind of kinds) expect(new Set(seen(at, kind))).toEqual(new Set([from]));
}

describe("--bind", () => {
  it("is where every socket is that we open: port, UDP tracker, announces and calls to peers", async () => {
    const other = await witness(OTHER);
    const child = await publish("--bind", BOUND, ...other.trackers);
    await expectCalls(other, BOUND, ["http", "udp", "peer"]);
    const found = sockets(child);
    expect(found).toContain(`tcp ${BOUND}:6881`);
    expect(found).toContain(`udp ${BOUND}:6881`);
    // Multicast DNS hears its group, and nothing that is sent to another address.
    for (const each of found) expect(each).toMatch(/^((tcp|udp) 10\.66\.0\.2:\d+|udp 224\.0\.0\.251:5353)$/);
  });

  it("holds for IPv6 alike, and an address of a family that we aren't bound to is not called", async () => {
    const [six, four] = [await witness("fd66::1"), await witness(OTHER)];
    const child = await publish("--bind", "fd66::2", ...six.trackers, ...four.trackers);
    await expectCalls(six, "fd66::2", ["http", "udp"]);
    const refused = ({ stdout }: Child) =>
      stdout.find((line) => line.includes("can't be reached from fd66::2"));
    await child.until(refused, 15_000);
    expect(four.child.stdout).toHaveLength(1);
    for (const each of sockets(child))
      expect(each).toMatch(/^((tcp6|udp6) FD66(0{27})2:\d+|udp6 FF02(0{26})FB:5353)$/);
  });

  it("to loopback lets nobody in from elsewhere, nor leaves it", async () => {
    const other = await witness(OTHER);
    const child = await publish("--bind", "127.0.0.1", ...other.trackers);
    for (const each of sockets(child)) expect(each).toMatch(/^(tcp|udp) 127\.0\.0\.1:\d+$/);
    const knock = start("bash", ["-c", `exec 3<>/dev/tcp/${BOUND}/6881`]);
    expect(await knock.end(10_000)).not.toBe(0);
    // That address is this machine's, too, so it can be reached from loopback.
    await expectCalls(other, "127.0.0.1", ["http", "udp", "peer"]);
  });

  it("is not needed: without it every address is listened on, and the local network is searched", async () => {
    const child = await publish();
    const listening = child.stdout.map((line) => JSON.parse(line) as ShareEvent)[0];
    expect(listening?.["urls"]).toContain(`http://${BOUND}:6881`);
    const found = () => sockets(child).join("\n");
    // What the tests above wouldn't let pass: a wildcard, and the group's port.
    await expect.poll(found).toMatch(/^tcp6 0{32}:6881$/m);
    await expect.poll(found).toMatch(/^udp 0\.0\.0\.0:6771$/m);
  });
});
