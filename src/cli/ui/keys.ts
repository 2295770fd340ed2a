import { emitKeypressEvents, type Key } from "node:readline";

/** A key as people know it: `up`, `down`, `return`, `q`; with Ctrl held `ctrl-c`. */
type OnKey = (name: string) => void;

/** Reads single keys from the terminal until the returned function is called. */
export function readKeys(onKey: OnKey): () => void {
  const { stdin } = process;
  const listener = (_text: string | undefined, key: Key | undefined) => {
    if (key?.name !== undefined) onKey(key.ctrl ? `ctrl-${key.name}` : key.name);
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
