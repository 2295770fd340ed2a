/**
 * `/s/ID/hashes`: what a torrent is going to be, as it comes to be, so that receivers needn't wait for it. A line of JSON
 * each; ARCHITECTURE.md has the format.
 */
import type { ServerResponse } from "node:http";
import type { InfoFile } from "../protocol/write-metainfo.ts";
import type { HashFront, Share } from "./model.ts";

const VERSION = 1;
/** Hashes in one line: 20 KiB before base64. */
const MOST_IN_A_LINE = 1_024;
/** Files are written so many at a time. */
const FILES_AT_ONCE = 500;
/** An empty line when nothing else was said for so long, so that a dead connection can be told from a slow disk. */
const HEARTBEAT_MS = 5_000;
const MAX_STREAMS = 200;

/** What all streams share: there are only so many. */
export class HashStreams {
  #open = 0;

  /** @returns false when there are too many. */
  send(response: ServerResponse, share: Share, front: HashFront): boolean {
    if (this.#open >= MAX_STREAMS) return false;
    this.#open++;
    response.once("close", () => this.#open--);
    response.socket?.once("end", () => response.destroy());
    response.writeHead(200, { "Content-Type": "application/x-ndjson", "Cache-Control": "no-store" });
    if (response.req.method === "HEAD") response.end();
    else new HashStream(response, front).start(head(share, front));
    return true;
  }
}

/** What a line tells; one that is a folder is empty. */
interface EarlyFile extends InfoFile {
  readonly folder?: boolean;
}

function* head(share: Share, front: HashFront): Generator<string> {
  const { name, oneFile, bytes, listed, token } = share;
  const { pieceLength, content } = front;
  const files: readonly EarlyFile[] =
    "files" in content
      ? [...content.files, ...(content.folders ?? []).map((path) => ({ path, length: 0, folder: true }))]
      : [{ ...content, path: [name] }];
  yield line({
    hashes: VERSION,
    name,
    oneFile,
    pieceLength,
    bytes,
    files: files.length,
    ...(front.private && { private: true }),
    ...(!listed && { unlisted: true }),
    ...(token !== undefined && { token }),
    webSeed: `seed/${token === undefined ? "" : `${token}/`}`,
  });
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    yield files
      .slice(at, at + FILES_AT_ONCE)
      .map(({ length, executable, ...file }) =>
        line({ ...file, bytes: length, ...(executable && { executable }) }),
      )
      .join("");
  }
}

class HashStream {
  readonly #response: ServerResponse;
  readonly #front: HashFront;
  #head: Iterator<string> | undefined;
  #sent = 0;
  #isFull = false;
  #saidAt = 0;

  constructor(response: ServerResponse, front: HashFront) {
    this.#response = response;
    this.#front = front;
  }

  start(lines: Iterator<string>): void {
    this.#head = lines;
    const stop = this.#front.onChange(() => this.#go());
    const timer = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#response.on("drain", () => {
      this.#isFull = false;
      this.#go();
    });
    this.#response.once("close", () => {
      stop();
      clearInterval(timer);
    });
    this.#go();
  }

  /** Says what there is to say, as far as the reader takes it. */
  #go(): void {
    const response = this.#response;
    while (!this.#isFull && !response.destroyed && !response.writableEnded) {
      const next = this.#head?.next();
      if (next?.done === false) {
        this.#say(next.value);
        continue;
      }
      this.#head = undefined;
      const { known, hashes, outcome } = this.#front;
      if (this.#sent < known) {
        const to = Math.min(known, this.#sent + MOST_IN_A_LINE);
        const sha1 = Buffer.from(hashes.subarray(20 * this.#sent, 20 * to)).toString("base64");
        this.#say(line({ from: this.#sent, sha1 }));
        this.#sent = to;
      } else {
        if (outcome !== undefined) response.end(line(outcome));
        return;
      }
    }
  }

  #say(text: string): void {
    this.#saidAt = performance.now();
    this.#isFull = !this.#response.write(text);
  }

  #beat(): void {
    if (!this.#isFull && performance.now() - this.#saidAt >= HEARTBEAT_MS - 100) this.#say("\n");
  }
}

function line(record: object): string {
  return `${JSON.stringify(record)}\n`;
}
