import type { Socket } from "node:net";

/** As much as stays in a core's cache until it is copied on. */
const READ_BYTES = 131_072;
let shared: Buffer | undefined;

/**
 * Memory for a connection to read into. Node's own buffers, a new one each read, would have the garbage collector run
 * all the time. Where the system says first that there is something to read, all connections share one, since what was
 * read is handed over before the next read; Windows is given the memory before.
 */
export function readBuffer(): Buffer {
  if (process.platform === "win32") return Buffer.allocUnsafeSlow(READ_BYTES);
  shared ??= Buffer.allocUnsafeSlow(READ_BYTES);
  return shared;
}

/**
 * Does for a socket that was accepted what `onread` does for one that connects, for which alone Node offers it: what
 * arrives is handed to `deliver`, in memory that is used again, and never emitted as `data`; `deliver` says whether to go on reading. This reaches into Node's
 * insides; where they are not as expected nothing is changed.
 * @param socket paused, with nothing read ahead
 * @returns whether it was done
 */
export function readIntoOwn(socket: Socket, deliver: (bytes: Uint8Array) => boolean): boolean {
  const symbols = Object.getOwnPropertySymbols(socket);
  const bufferKey = symbols.find(({ description }) => description === "kBuffer");
  const callbackKey = symbols.find(({ description }) => description === "kBufferCb");
  const handle: unknown = Reflect.get(socket, "_handle");
  if (bufferKey === undefined || callbackKey === undefined || !takesBuffer(handle)) return false;
  if (Reflect.get(socket, bufferKey) !== null || socket.readableLength > 0) return false;
  const memory = readBuffer();
  Reflect.set(socket, bufferKey, memory);
  Reflect.set(socket, callbackKey, (count: number, bytes: Buffer) => deliver(bytes.subarray(0, count)));
  handle.useUserBuffer(memory);
  // Only from here on does pausing stop the reading itself.
  socket.pause();
  return true;
}

function takesBuffer(handle: unknown): handle is { useUserBuffer(memory: Uint8Array): void } {
  return typeof handle === "object" && handle !== null && "useUserBuffer" in handle;
}
