import { emitKeypressEvents, type Key } from "node:readline";

/** A key as people know it: `up`, `down`, `return`, `q`; with Ctrl held `ctrl-c`. */
type OnKey = (name: string) => void;

/** Reads single keys from the terminal until the returned function is called. */
export function readKeys(onKey: OnKey): () => void {
  const { stdin } = process;
  const listener = (text: string | undefined, key: Key | undefined) => {
    // Node has names for ASCII letters, digits and control keys; anything else that can be typed is its own.
    const own = text !== undefined && !/\p{C}/u.test(text) ? text : undefined;
    const name = key?.name ?? own;
    if (name !== undefined) onKey(key?.ctrl ? `ctrl-${name}` : name);
  };
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  stdin.on("keypress", listener);
  stdin.resume();
  return () => {
    stdin.off("keypress", listener);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
