import type { Random } from "../../protocol/ambient.ts";
import { MAX_PADDING } from "./mse.ts";

/** Noise of an unforeseeable length below {@link MAX_PADDING}, so that the handshake has no length by which it's known. */
export function padding(random: Random): Uint8Array {
  const [high = 0, low = 0] = random.bytes(2);
  return random.bytes(((high << 8) | low) % MAX_PADDING);
}
