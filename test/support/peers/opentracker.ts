/** opentracker as Debian builds it: IPv4, and only torrents on a list. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toHex } from "../../../src/protocol/bytes.ts";
import { Child } from "../child.ts";
import { patience } from "./peer.ts";

/** Starts it over HTTP and UDP on one port number; resolves when it knows the torrents. `dir` is an empty folder's name. */
export async function startOpentracker(options: {
  readonly address: string;
  readonly port: number;
  readonly dir: string;
  readonly infoHashes: readonly Uint8Array[];
}): Promise<Child> {
  const { address, dir, infoHashes } = options;
  const port = String(options.port);
  mkdirSync(dir);
  writeFileSync(path.join(dir, "white"), `${infoHashes.map(toHex).join("\n")}\n`);
  // It gives up its rights and changes its root before it reads the list.
  chmodSync(dir, 0o755);
  const args = ["-i", address, "-p", port, "-P", port, "-d", dir, "-w", "white"];
  const child = new Child("opentracker", args, { cwd: dir });
  const announce = `http://${address}:${port}/announce?info_hash=${escaped(infoHashes[0])}&peer_id=${"-".repeat(20)}&port=9&left=1`;
  // The list is read on the side: until then no torrent is known, and announces are refused.
  const isTaken = async () => {
    const answer = await fetch(announce).then((response) => response.text());
    return !answer.includes("failure reason");
  };
  const deadline = Date.now() + patience;
  while (!(await isTaken().catch(() => false))) {
    if (Date.now() > deadline) {
      await child.stop("SIGKILL");
      throw new Error(`opentracker doesn't take an announce: ${child.describe()}`);
    }
    await sleep(50);
  }
  await fetch(`${announce}&event=stopped`).then((response) => response.text());
  return child;
}

function escaped(bytes: Uint8Array | undefined): string {
  return [...(bytes ?? [])].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}
