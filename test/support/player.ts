/** A player that seeks in a film over HTTP, as tests see it. */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { get as httpGet, type IncomingMessage } from "node:http";

export const MIB = 1_048_576;

/** No two megabytes alike; all of it is on the disk, which has nothing left to do then. */
export function writeFilm(file: string, bytes: number): void {
  const block = randomBytes(MIB);
  const fd = openSync(file, "w");
  for (let done = 0; done < bytes; done += MIB) {
    block.writeUInt32LE(done / MIB);
    writeSync(fd, block);
  }
  fsyncSync(fd);
  closeSync(fd);
}

export function part(file: string, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const fd = openSync(file, "r");
  readSync(fd, bytes, 0, length, start);
  closeSync(fd);
  return bytes;
}

interface Answer {
  readonly response: IncomingMessage;
  /** Up to as many bytes as were asked for; whoever reads has left then. */
  readonly body: Buffer;
  readonly millis: number;
}

/** Reads `most` bytes of the answer and leaves, as players do that seek. */
export function fetchPart(
  url: string,
  headers: Record<string, string>,
  most: number,
  method = "GET",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const from = performance.now();
    httpGet(url, { headers, method, agent: false }, (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      const end = () => {
        const body = Buffer.concat(parts).subarray(0, most);
        resolve({ response, body, millis: performance.now() - from });
        response.destroy();
      };
      response.on("data", (bytes: Buffer) => {
        parts.push(bytes);
        length += bytes.length;
        if (length >= most) end();
      });
      response.on("end", end);
      response.on("error", reject);
    }).on("error", reject);
  });
}
