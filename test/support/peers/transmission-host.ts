import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeCompactPeers } from "../../../src/protocol/compact-peers.ts";
import { encodeBencode } from "../../../src/protocol/encode.ts";
import type { PeerAddress } from "../../../src/protocol/peer-address.ts";
import type { Child } from "../child.ts";
import type { LanHost } from "../lan.ts";

const RPC_PORT = 9091;

export interface TransmissionOptions {
  /** Empty folders for its own files and for data. */
  readonly state: string;
  readonly dir: string;
  readonly lsd?: boolean;
  readonly pex?: boolean;
  /** Nodes of the DHT that it remembers, by which it joins; by default it doesn't. */
  readonly dht?: readonly PeerAddress[];
  /** Thousand bytes a second, in each direction, so that it can be watched at work; as fast as it can by default. */
  readonly limit?: number;
}

/** A torrent as it sees it: whom it is connected to at this moment, and how it came to know those. */
export interface TransmissionView {
  readonly leftUntilDone: number;
  readonly percentDone: number;
  readonly peers: readonly { readonly address: string; readonly flagStr: string }[];
  readonly peersFrom: Readonly<
    Record<"fromDht" | "fromIncoming" | "fromLpd" | "fromPex" | "fromTracker", number>
  >;
}

/** Transmission's daemon on a host of a network of the test's own, where only programs there can ask it. */
export class TransmissionHost {
  static readonly port = 51_413;
  readonly child: Child;
  readonly #host: LanHost;
  readonly #dir: string;
  #session = "";

  constructor(host: LanHost, { state, dir, lsd = false, pex = false, dht, limit }: TransmissionOptions) {
    this.#host = host;
    this.#dir = dir;
    const settings = {
      "rpc-enabled": true,
      "rpc-port": RPC_PORT,
      "rpc-authentication-required": false,
      "rpc-whitelist-enabled": false,
      "peer-port": TransmissionHost.port,
      "lpd-enabled": lsd,
      "pex-enabled": pex,
      "dht-enabled": dht !== undefined,
      "utp-enabled": false,
      "port-forwarding-enabled": false,
      "download-dir": dir,
      "incomplete-dir-enabled": false,
      "speed-limit-down-enabled": limit !== undefined,
      "speed-limit-up-enabled": limit !== undefined,
      "speed-limit-down": limit ?? 0,
      "speed-limit-up": limit ?? 0,
    };
    writeFileSync(path.join(state, "settings.json"), JSON.stringify(settings));
    // Eight that it remembers are asked at once; from one that it is told it takes minutes.
    if (dht !== undefined) writeFileSync(path.join(state, "dht.dat"), remembered(dht));
    this.child = host.run("transmission-daemon", ["-f", "-g", state]);
  }

  /** Adds a `.torrent` or a magnet link; data that is there is checked and seeded. */
  async add(torrent: string): Promise<void> {
    const what = torrent.startsWith("magnet:")
      ? { filename: torrent }
      : { metainfo: readFileSync(torrent).toString("base64") };
    await this.#call("torrent-add", { ...what, "download-dir": this.#dir, paused: false });
  }

  async view(infoHash: string): Promise<TransmissionView | undefined> {
    const fields = ["leftUntilDone", "percentDone", "peers", "peersFrom"];
    const reply = await this.#call("torrent-get", { ids: [infoHash], fields });
    // As Transmission documents it (rpc-spec.md, 3.3).
    return (reply as { readonly arguments: { readonly torrents: readonly TransmissionView[] } }).arguments
      .torrents[0];
  }

  /** Waits until what it sees of a torrent satisfies `holds`. */
  async until(
    infoHash: string,
    holds: (view: TransmissionView) => boolean,
    timeout: number,
  ): Promise<TransmissionView> {
    const deadline = Date.now() + timeout;
    let last: TransmissionView | undefined;
    while (Date.now() < deadline) {
      last = await this.view(infoHash);
      if (last !== undefined && holds(last)) return last;
      await sleep(500);
    }
    throw new Error(`nothing after ${timeout} ms: ${JSON.stringify(last)}\n${this.child.describe()}`);
  }

  async #call(method: string, args: object): Promise<unknown> {
    const url = `http://127.0.0.1:${RPC_PORT}/transmission/rpc`;
    const body = JSON.stringify({ method, arguments: args });
    const file = path.join(this.#dir, `.rpc-${Math.random().toString(36).slice(2)}.json`);
    writeFileSync(file, body);
    for (let attempt = 0; attempt < 100; attempt++) {
      const header = `X-Transmission-Session-Id: ${this.#session}`;
      const asked = this.#host.run("curl", ["-s", "-H", header, "--data-binary", `@${file}`, url]);
      await asked.exited;
      const said = asked.stdout.join("\n");
      if (said.startsWith("{")) return JSON.parse(said);
      // Without a session it tells one, in words.
      this.#session = /X-Transmission-Session-Id: (\w+)/.exec(said)?.[1] ?? this.#session;
      // Or it is still starting.
      if (said === "") await sleep(100);
    }
    throw new Error(`no answer to ${method}: ${this.child.describe()}`);
  }
}

function remembered(nodes: readonly PeerAddress[]): Uint8Array {
  const id = new Uint8Array(20);
  crypto.getRandomValues(id);
  return encodeBencode({ id, nodes: encodeCompactPeers(nodes).peers });
}
