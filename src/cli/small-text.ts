/** Reads small texts from where the user says: files, and pipes of programs that may take their time, or never end. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { endedBySignals } from "./stop.ts";

const A_READ = 16 * 1024;

/** What was named is no such small text; the message says so, for people. */
export class TooLongError extends Error {
  constructor(most: number) {
    super(`it has more than ${most} bytes`);
    this.name = "TooLongError";
  }
}

/**
 * A file, or whatever else can be read by its name: `<(pass show share)` of a shell is a pipe, `/dev/tty` a terminal.
 * While that has nothing to say a signal ends the process as ever.
 * @param most bytes
 * @throws {TooLongError} there are more; system errors as Node throws them.
 */
export async function readSmallText(file: string, most: number): Promise<string> {
  const read = () => readUpTo(file, most);
  // What came before a file is read at once is left to the command, which has its own way to stop.
  return (await stat(file)).isFile() ? await read() : await endedBySignals(read);
}

/**
 * Everything until the end of a stream; reading it ends there or when it is too long.
 * @param most bytes
 * @throws {TooLongError} there are more; errors of the stream.
 */
export async function smallTextOf(stream: AsyncIterable<Uint8Array>, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > most) throw new TooLongError(most);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

async function readUpTo(file: string, most: number): Promise<string> {
  const handle = await open(file);
  try {
    return await smallTextOf(chunksOf(handle), most);
  } finally {
    await handle.close();
  }
}

async function* chunksOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(A_READ), 0, A_READ, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
