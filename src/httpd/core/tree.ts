/** A share's files as folders: grown once from the list, then unfolded, sorted and searched for each page. */

/** What the tree needs to know of a file. */
export interface TreeFile {
  /** Names from the root down; none is empty. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  readonly mtimeNs: bigint;
}

export interface Folder<File extends TreeFile> {
  /** Empty for the root. */
  readonly name: string;
  readonly path: readonly string[];
  readonly folders: ReadonlyMap<string, Folder<File>>;
  readonly files: readonly File[];
  /** Of all files below, at any depth. */
  readonly bytes: number;
  readonly count: number;
  /** Of the file changed last, at any depth; 0 when there is none. */
  readonly mtimeNs: bigint;
}

export type Order = "name" | "size" | "date";

export interface Sorting {
  readonly order: Order;
  readonly descending: boolean;
}

export type Row<File extends TreeFile> =
  | {
      readonly kind: "folder";
      readonly folder: Folder<File>;
      readonly depth: number;
      readonly isOpen: boolean;
    }
  | { readonly kind: "file"; readonly file: File; readonly depth: number };

interface Growing<File extends TreeFile> extends Folder<File> {
  readonly folders: Map<string, Growing<File>>;
  readonly files: File[];
  bytes: number;
  count: number;
  mtimeNs: bigint;
}

export function growTree<File extends TreeFile>(files: readonly File[]): Folder<File> {
  const root = bud<File>([]);
  for (const file of files) {
    let folder = root;
    add(folder, file);
    for (const name of file.path.slice(0, -1)) {
      let next = folder.folders.get(name);
      if (next === undefined) {
        next = bud<File>([...folder.path, name]);
        folder.folders.set(name, next);
      }
      folder = next;
      add(folder, file);
    }
    folder.files.push(file);
  }
  return root;
}

function bud<File extends TreeFile>(path: readonly string[]): Growing<File> {
  return { name: path.at(-1) ?? "", path, folders: new Map(), files: [], bytes: 0, count: 0, mtimeNs: 0n };
}

function add<File extends TreeFile>(folder: Growing<File>, file: File): void {
  folder.bytes += file.length;
  folder.count++;
  if (file.mtimeNs > folder.mtimeNs) folder.mtimeNs = file.mtimeNs;
}

/** The folder at `path`, or nothing. */
export function folderAt<File extends TreeFile>(
  root: Folder<File>,
  path: readonly string[],
): Folder<File> | undefined {
  let folder: Folder<File> | undefined = root;
  for (const name of path) folder = folder?.folders.get(name);
  return folder;
}

/** The rows below `folder`, those of the folders in `open` (paths joined with slashes) among them; folders first. */
export function unfold<File extends TreeFile>(
  folder: Folder<File>,
  open: ReadonlySet<string>,
  sorting: Sorting,
): Row<File>[] {
  const rows: Row<File>[] = [];
  const walk = (each: Folder<File>, depth: number) => {
    for (const child of sortFolders(each, sorting)) {
      const isOpen = open.has(child.path.join("/"));
      rows.push({ kind: "folder", folder: child, depth, isOpen });
      // Only what was opened is walked, so this goes no deeper than the request is long.
      if (isOpen) walk(child, depth + 1);
    }
    for (const file of sortFiles(each.files, sorting)) rows.push({ kind: "file", file, depth });
  };
  walk(folder, 0);
  return rows;
}

/** The files whose path has every word of `query`, in any case. */
export function search<File extends TreeFile>(
  files: readonly File[],
  query: string,
  sorting: Sorting,
): File[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 10);
  const lower = remember(lowered, files, () => files.map((file) => file.path.join("/").toLowerCase()));
  const found = files.filter((_, i) => words.every((word) => lower[i]?.includes(word)));
  return [...sortFiles(found, sorting)];
}

const lowered = new WeakMap<readonly TreeFile[], readonly string[]>();
/** Folders don't change, and big ones take long to sort: once for each order. */
const sorted = new WeakMap<object, Map<string, readonly unknown[]>>();
/** `2.txt` before `10.txt`. */
const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
/** Above this many the collator takes too long. */
const MANY = 5_000;

function sortFolders<File extends TreeFile>(
  folder: Folder<File>,
  { order, descending }: Sorting,
): readonly Folder<File>[] {
  const list = keptSort(folder.folders, order, () =>
    sortBy([...folder.folders.values()], order, (each) => ({ ...each, length: each.bytes })),
  );
  return descending ? list.toReversed() : list;
}

function sortFiles<File extends TreeFile>(
  files: readonly File[],
  { order, descending }: Sorting,
): readonly File[] {
  const list = keptSort(files, order, () =>
    sortBy([...files], order, ({ path, length, mtimeNs }) => ({ name: path.at(-1) ?? "", length, mtimeNs })),
  );
  return descending ? list.toReversed() : list;
}

function keptSort<Item>(key: object, order: Order, sort: () => Item[]): readonly Item[] {
  const orders = remember(sorted, key, () => new Map<string, readonly unknown[]>());
  const known = orders.get(order);
  // What was kept for this object and order came from this very call.
  if (known !== undefined) return known as readonly Item[];
  const list = sort();
  orders.set(order, list);
  return list;
}

interface SortKey {
  readonly name: string;
  readonly length: number;
  readonly mtimeNs: bigint;
}

function sortBy<Item>(items: Item[], order: Order, keyOf: (item: Item) => SortKey): Item[] {
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  const byName =
    items.length > MANY
      ? (a: SortKey, b: SortKey) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
      : (a: SortKey, b: SortKey) => natural.compare(a.name, b.name);
  keyed.sort(({ key: a }, { key: b }) => {
    if (order === "size" && a.length !== b.length) return a.length - b.length;
    if (order === "date" && a.mtimeNs !== b.mtimeNs) return a.mtimeNs < b.mtimeNs ? -1 : 1;
    return byName(a, b);
  });
  return keyed.map(({ item }) => item);
}

function remember<Key extends object, Value>(
  memory: WeakMap<Key, Value>,
  key: Key,
  make: () => Value,
): Value {
  let value = memory.get(key);
  if (value === undefined) {
    value = make();
    memory.set(key, value);
  }
  return value;
}
