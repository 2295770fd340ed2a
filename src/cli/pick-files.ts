/** Lets somebody at the terminal choose which files of a torrent to get. */
import { NothingPickedError } from "./nothing-picked.ts";
import type { Surroundings } from "./options.ts";
import type { Output } from "./output.ts";
import { FileTree, type TreeFile } from "./ui/file-tree.ts";
import { TreePicker } from "./ui/tree-picker.ts";

/** Letters and what else can be in a name are typed to search. */
const ACTIONS: ReadonlyMap<string, (tree: FileTree) => void> = new Map<string, (tree: FileTree) => void>([
  ["up", (tree) => tree.move(-1)],
  ["down", (tree) => tree.move(1)],
  ["pageup", (tree) => tree.move(-10)],
  ["pagedown", (tree) => tree.move(10)],
  ["home", (tree) => tree.move(-tree.rowCount)],
  ["end", (tree) => tree.move(tree.rowCount)],
  ["left", (tree) => tree.fold(false)],
  ["right", (tree) => tree.fold(true)],
  ["space", (tree) => tree.toggle()],
  ["ctrl-a", (tree) => tree.toggleAll()],
  ["backspace", (tree) => tree.search([...tree.filter].slice(0, -1).join(""))],
]);

/**
 * @returns paths of files.
 * @throws {NothingPickedError} the reason of `signal`
 */
export async function pickFiles(
  files: readonly TreeFile[],
  output: Output,
  { readKeys, screenRows = () => 24 }: Pick<Surroundings, "readKeys" | "screenRows">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (readKeys === undefined) throw new NothingPickedError();
  signal.throwIfAborted();
  const tree = new FileTree(files);
  const picker = new TreePicker(tree, output, screenRows);
  const redraw = () => picker.draw();
  picker.draw();
  process.on("SIGWINCH", redraw);
  try {
    await new Promise<void>((resolve, reject) => {
      const release = readKeys((key) => {
        const action = ACTIONS.get(key);
        if (action !== undefined) action(tree);
        else if (key === "return" || key === "enter") return end(tree.chosen.length > 0);
        else if (key === "ctrl-c" || key === "ctrl-d") return end(false);
        else if (key === "escape") {
          if (tree.filter === "") return end(false);
          tree.search("");
        } else if ([...key].length === 1) tree.search(tree.filter + key);
        picker.draw();
      });
      const stop = () => {
        release();
        reject(signal.reason);
      };
      const end = (isDone: boolean) => {
        signal.removeEventListener("abort", stop);
        release();
        if (isDone) resolve();
        else reject(new NothingPickedError());
      };
      signal.addEventListener("abort", stop, { once: true });
    });
  } finally {
    process.off("SIGWINCH", redraw);
    picker.clear();
  }
  return tree.chosen.map(({ path }) => path);
}
