import { createServer } from "node:net";

/** Below those that systems give to connections (32,768 and more on Linux): nobody gets one of these by chance. */
const FIRST = 10_000;
const COUNT = 22_000;
/** Test processes that run at once begin at different places. */
let next = (process.pid * 37) % COUNT;

/** A port of 127.0.0.1 that nobody listens on now, and that this process gives to nobody else. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    next = (next + 1) % COUNT;
    if (await canListen(FIRST + next)) return FIRST + next;
  }
  throw new Error("no port");
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
  });
  if (isFree) await new Promise((resolve) => server.close(resolve));
  return isFree;
}
