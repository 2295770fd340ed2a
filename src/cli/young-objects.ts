import { setFlagsFromString } from "node:v8";

/**
 * From now on V8 takes no more room for objects that live for a moment. It doubles that room whenever enough of them outlive a
 * collection, as requests and promises under way do, and gives none of it back.
 */
export function capYoungObjects(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
