/** The files of a torrent as a tree that folds, of which some are chosen; what is seen of it, and nothing is drawn here. */

export interface TreeFile {
  /** Below NAME, with slashes. */
  readonly path: string;
  readonly bytes: number;
}

/** A line of the tree. */
export interface TreeRow {
  readonly name: string;
  readonly depth: number;
  readonly bytes: number;
  readonly chosen: "all" | "some" | "none";
  /** Undefined for a file. */
  readonly open: boolean | undefined;
}

interface Node {
  readonly name: string;
  readonly depth: number;
  readonly parent: Folder | undefined;
  bytes: number;
}

interface Leaf extends Node {
  readonly kind: "file";
  readonly path: string;
  isChosen: boolean;
}

interface Folder extends Node {
  readonly kind: "folder";
  readonly entries: Map<string, Folder | Leaf>;
  isOpen: boolean;
  /** Of the files below. */
  files: number;
  chosen: number;
}

export class FileTree {
  readonly #root: Folder = newFolder("", -1, undefined);
  readonly #files: Leaf[] = [];
  #rows: (Folder | Leaf)[] = [];
  #at = 0;
  #filter = "";

  /** Nothing is chosen at first; a lone folder is open. */
  constructor(files: readonly TreeFile[]) {
    for (const file of files) this.#add(file);
    this.#root.isOpen = true;
    for (const entry of this.#root.entries.values())
      if (entry.kind === "folder" && this.#root.entries.size === 1) entry.isOpen = true;
    this.#show();
  }

  /** The line that keys act on; -1 when the filter shows nothing. */
  get at(): number {
    return this.#rows.length === 0 ? -1 : this.#at;
  }

  get filter(): string {
    return this.#filter;
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  get total(): { readonly files: number; readonly bytes: number } {
    return { files: this.#files.length, bytes: this.#root.bytes };
  }

  /** In the order given. */
  get chosen(): readonly TreeFile[] {
    return this.#files.filter(({ isChosen }) => isChosen);
  }

  rows(from: number, count: number): readonly TreeRow[] {
    return this.#rows.slice(from, from + count).map((node) => ({
      name: this.#filter !== "" && node.kind === "file" ? node.path : node.name,
      depth: this.#filter === "" ? node.depth : 0,
      bytes: node.bytes,
      chosen: stateOf(node),
      open: node.kind === "folder" ? node.isOpen : undefined,
    }));
  }

  move(by: number): void {
    this.#at = Math.min(Math.max(this.#at + by, 0), Math.max(0, this.#rows.length - 1));
  }

  /** Opens the folder that is marked, or folds it; to fold what lies in one that can't be, marks that one. */
  fold(isOpen: boolean): void {
    const node = this.#rows[this.#at];
    if (node === undefined || this.#filter !== "") return;
    if (node.kind === "folder" && node.isOpen !== isOpen) node.isOpen = isOpen;
    else if (!isOpen && node.parent !== undefined && node.parent !== this.#root)
      this.#at = this.#rows.indexOf(node.parent);
    else if (isOpen && node.kind === "folder") this.move(1);
    this.#show();
  }

  /** Chooses the file that is marked, or all of the folder; again takes it back. */
  toggle(): void {
    const node = this.#rows[this.#at];
    if (node !== undefined) choose(node, stateOf(node) !== "all");
  }

  /** Chooses every file that is shown or could be by opening folders; again takes that back. */
  toggleAll(): void {
    const all = this.#filter === "" ? [this.#root] : this.#rows;
    const isToBeChosen = all.some((node) => stateOf(node) !== "all");
    for (const node of all) choose(node, isToBeChosen);
  }

  /** Shows only files whose path has these words in it, capitals or not; an empty one shows the tree again. */
  search(text: string): void {
    this.#filter = text;
    this.#at = 0;
    this.#show();
  }

  #add({ path, bytes }: TreeFile): void {
    const components = path.split("/");
    const name = components.pop() ?? "";
    let folder = this.#root;
    for (const component of components) {
      let next = folder.entries.get(`/${component}`);
      if (next?.kind !== "folder") {
        next = newFolder(component, folder.depth + 1, folder);
        folder.entries.set(`/${component}`, next);
      }
      folder = next;
    }
    const depth = folder.depth + 1;
    const leaf: Leaf = { kind: "file", name, depth, parent: folder, path, bytes, isChosen: false };
    folder.entries.set(name, leaf);
    this.#files.push(leaf);
    for (let above: Folder | undefined = folder; above !== undefined; above = above.parent) {
      above.bytes += bytes;
      above.files++;
    }
  }

  #show(): void {
    const words = this.#filter.toLowerCase().split(" ").filter(Boolean);
    if (words.length > 0) {
      this.#rows = this.#files.filter(({ path }) => words.every((word) => path.toLowerCase().includes(word)));
    } else {
      this.#rows = [];
      // No recursion: how deep it goes is a stranger's choice.
      const waiting: (Folder | Leaf)[] = [...this.#root.entries.values()].reverse();
      for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
        this.#rows.push(node);
        if (node.kind === "folder" && node.isOpen) {
          const below = [...node.entries.values()].reverse();
          for (const entry of below) waiting.push(entry);
        }
      }
    }
    this.move(0);
  }
}

function newFolder(name: string, depth: number, parent: Folder | undefined): Folder {
  const counts = { bytes: 0, files: 0, chosen: 0 };
  return { kind: "folder", name, depth, parent, entries: new Map(), isOpen: false, ...counts };
}

function stateOf(node: Folder | Leaf): TreeRow["chosen"] {
  if (node.kind === "file") return node.isChosen ? "all" : "none";
  return node.chosen === 0 ? "none" : node.chosen === node.files ? "all" : "some";
}

function choose(top: Folder | Leaf, isChosen: boolean): void {
  const waiting: (Folder | Leaf)[] = [top];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.kind === "folder") {
      for (const entry of node.entries.values()) waiting.push(entry);
    } else if (node.isChosen !== isChosen) {
      node.isChosen = isChosen;
      for (let above = node.parent; above !== undefined; above = above.parent)
        above.chosen += isChosen ? 1 : -1;
    }
  }
}
