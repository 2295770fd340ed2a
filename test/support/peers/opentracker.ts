/** opentracker as Debian builds it: IPv4, and only torrents on a list. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toHex } from "../../../src/protocol/bytes.ts";
import { Child } from "../child.ts";

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
  for (let attempt = 0; attempt < 100; attempt++) {
    const scraped = await fetch(`http://${address}:${port}/scrape?info_hash=${escaped(infoHashes[0])}`)
      .then((response) => response.arrayBuffer())
      .catch(() => undefined);
    // The list is read on the side: until then no torrent is known.
    if (scraped !== undefined) break;
    await sleep(50);
  }
  await sleep(1_000);
  return child;
}

function escaped(bytes: Uint8Array | undefined): string {
  return [...(bytes ?? [])].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}
