/** Whether a publisher says that it is a node of the DHT (BEP 5): only to peers of torrents that may be found there. */

import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { fromHex, toHex } from "../../src/protocol/bytes.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();

/** What the publisher answers to a handshake that speaks nothing but the DHT. */
async function answerOf(port: number, infoHash: string): Promise<string> {
  const hello = `13${toHex(new TextEncoder().encode("BitTorrent protocol"))}0000000000000001${infoHash}${"ab".repeat(20)}`;
  const socket = connect(port, "127.0.0.1");
  socket.write(fromHex(hello) ?? "");
  let answer = "";
  await new Promise<void>((resolve) => {
    socket.on("error", () => resolve()).on("close", () => resolve());
    socket.on("data", (bytes) => {
      answer += toHex(bytes);
    });
    setTimeout(() => socket.destroy(), 700);
  });
  return answer;
}

it.each([
  ["an open one", [], true],
  ["a private one", ["--private"], false],
  ["an unlisted one", ["--unlisted"], false],
])("of %s", async (_, flags, isTold) => {
  writeFileSync(stage.at("x.bin"), "x".repeat(1000));
  const publisher = stage.publish("x.bin", "--dht-node", "127.0.0.1:9", ...flags);
  const { port } = await publisher.event("listening");
  const { infoHash } = await publisher.event("ready");
  const answer = await answerOf(Number(port), String(infoHash));
  const reserved = Number.parseInt(answer.slice(54, 56), 16);
  expect(reserved & 1).toBe(isTold ? 1 : 0);
  const message = `0000000309${Number(port).toString(16).padStart(4, "0")}`;
  expect(answer.slice(136).includes(message)).toBe(isTold);
});
