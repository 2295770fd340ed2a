/**
 * How the cost of one publisher grows with its peers, and with its shares: 10, 100 and 1,000 of each. Linux.
 *
 * npm run bench -- crowd [--most 1000] [--seconds 5]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fromHex } from "../src/protocol/bytes.ts";
import { ShareProcess } from "../test/support/command.ts";
import { noise, scratch } from "../test/support/data.ts";
import { handshakeBytes, hex } from "../test/support/scripted-peer.ts";
import { option, type Row, report, residentMiB, usageOf } from "./support/measure.ts";
import { ownFolders } from "./support/stage.ts";

const most = option("most", 1_000);
const seconds = option("seconds", 5);
const patience = 120_000;
const sizes = [most / 100, most / 10, most];
const BLOCK = 16_384;
/** Length, id, piece, begin, and the block. */
const PIECE_MESSAGE = 13 + BLOCK;
const INTERESTED = hex("00000001 02");
const REQUEST = hex("0000000d 06 00000000 00000000 00004000");
const place = scratch("/dev/shm");

/** A receiver that never has anything: asks for the first block again and again, as often as it gets it. */
class Receiver {
  blocks = 0;
  readonly #socket: Socket;
  #left = 0;
  #isUnchoked = false;

  constructor(port: number, infoHash: Uint8Array, id: number) {
    // Addresses of many networks: no more than a part of all connections is for one.
    this.#socket = connect({ port, host: "127.0.0.1", localAddress: `127.${1 + (id % 100)}.${id >> 8}.9` });
    const own = handshakeBytes({ id: id & 0xff, infoHash, reserved: "0000000000000000" });
    // Peer ids must differ.
    own[66] = id >> 8;
    this.#socket.on("connect", () => this.#socket.write(own));
    this.#socket.on("error", () => {});
    this.#socket.on("data", (bytes) => this.#take(bytes.length));
  }

  get isConnected(): boolean {
    return this.#socket.bytesRead >= 68;
  }

  start(): void {
    this.#socket.write(INTERESTED);
  }

  stop(): void {
    this.#socket.destroy();
  }

  /** Small deliveries are messages, such as an unchoke; large ones are of the block. */
  #take(length: number): void {
    if (!this.#isUnchoked) {
      if (!this.isConnected || this.#socket.bytesWritten < 73) return;
      this.#isUnchoked = true;
      this.#ask();
      return;
    }
    this.#left -= length;
    if (this.#left > 0) return;
    this.blocks++;
    this.#ask();
  }

  #ask(): void {
    this.#left = PIECE_MESSAGE;
    this.#socket.write(REQUEST);
  }
}

/** CPU seconds that `child` uses while `work` lasts. */
async function spent(child: ShareProcess, work: () => Promise<unknown>): Promise<number> {
  const { cpuSeconds } = usageOf(child.process.pid);
  await work();
  return usageOf(child.process.pid).cpuSeconds - cpuSeconds;
}

async function peers(count: number): Promise<Row> {
  const file = path.join(place.dir, "payload.bin");
  writeFileSync(file, noise(8 << 20, 1));
  const flags = ["--no-lan", "--max-peers", String(most + 100)];
  const publisher = new ShareProcess([file, ...flags], ownFolders(path.join(place.dir, `peers-${count}`)));
  const receivers: Receiver[] = [];
  try {
    const ready = await publisher.event("ready", patience);
    const listening = await publisher.event("listening");
    const infoHash = fromHex(String(ready["infoHash"])) ?? new Uint8Array(20);
    await sleep(1_000);
    const before = residentMiB(publisher.process.pid);
    const joining = await spent(publisher, async () => {
      for (let id = 0; id < count; id++)
        receivers.push(new Receiver(Number(listening["port"]), infoHash, id));
      await publisher.until(() => receivers.every(({ isConnected }) => isConnected) || undefined, patience);
    });
    const idle = await spent(publisher, () => sleep(1_000 * seconds));
    const grown = residentMiB(publisher.process.pid) - before;
    const serving = await spent(publisher, async () => {
      for (const receiver of receivers) receiver.start();
      await sleep(1_000 * seconds);
    });
    const blocks = receivers.reduce((sum, receiver) => sum + receiver.blocks, 0);
    return {
      label: `${count} peers`,
      figures: {
        "join, CPU ms each": (1e3 * joining) / count,
        "idle, % of a core": (100 * idle) / seconds,
        "KiB each": (1024 * grown) / count,
        "blocks a second": blocks / seconds,
        "CPU µs a block": (1e6 * serving) / blocks,
      },
    };
  } finally {
    for (const receiver of receivers) receiver.stop();
    await publisher.stop();
  }
}

async function shares(count: number): Promise<Row> {
  const folder = path.join(place.dir, `shares-${count}`);
  mkdirSync(folder);
  const paths = Array.from({ length: count }, (_, i) => path.join(folder, `share ${i}.bin`));
  for (const [i, file] of paths.entries()) writeFileSync(file, noise(20_000, i));
  const start = performance.now();
  const publisher = new ShareProcess([...paths, "--no-lan"], ownFolders(path.join(folder, "user")));
  try {
    await publisher.event("listening", patience);
    const listening = performance.now() - start;
    const isReady = () =>
      publisher.stdout.filter((line) => line.includes('"event":"ready"')).length === count || undefined;
    await publisher.until(isReady, patience);
    const ready = performance.now() - start;
    const { cpuSeconds } = usageOf(publisher.process.pid);
    await sleep(3_000);
    const idle = await spent(publisher, () => sleep(1_000 * seconds));
    return {
      label: `${count} shares`,
      figures: {
        "listening s": listening / 1e3,
        "ready s": ready / 1e3,
        "CPU ms each": (1e3 * cpuSeconds) / count,
        "idle, % of a core": (100 * idle) / seconds,
        "resident MiB": residentMiB(publisher.process.pid),
      },
    };
  } finally {
    await publisher.stop();
  }
}

try {
  const crowds: Row[] = [];
  for (const count of sizes) crowds.push(await peers(count));
  report("crowd-peers", "One publisher, peers that sit there and then ask", crowds);
  const many: Row[] = [];
  for (const count of sizes) many.push(await shares(count));
  report("crowd-shares", "One publisher, shares of 20 kB each", many);
} finally {
  place.remove();
}
