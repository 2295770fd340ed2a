/** What a visitor wants to see of the files, as it stands in the page's query: links carry it, so scripts needn't. */
import type { Order, Sorting } from "./tree.ts";

export interface FilesView extends Sorting {
  /** The folder that is looked at; empty: the share itself. */
  readonly folder: readonly string[];
  /** Folders below it that are unfolded, paths joined with slashes. */
  readonly open: ReadonlySet<string>;
  /** Words to search for; empty: no search. */
  readonly query: string;
  /** As it was sent. */
  readonly page: string | null;
  /** The file that is shown, its path joined with slashes. */
  readonly shown: string | undefined;
}

/** So that a link to a page stays short enough for every server and browser. */
const MAX_OPEN = 40;
const MAX_QUERY = 200;
const ORDERS: readonly Order[] = ["name", "size", "date"];

export function parseView(query: URLSearchParams): FilesView {
  const sort = query.get("sort") ?? "";
  const descending = sort.startsWith("-");
  const asked = descending ? sort.slice(1) : sort;
  return {
    folder: (query.get("in") ?? "").split("/").filter(Boolean),
    open: new Set(query.getAll("open").slice(-MAX_OPEN)),
    query: (query.get("q") ?? "").trim().slice(0, MAX_QUERY),
    order: ORDERS.find((order) => order === asked) ?? "name",
    descending,
    page: query.get("page"),
    shown: query.get("show") ?? undefined,
  };
}

/** The query for this view with some changes; `""` when it is what one sees first. Another page begins at its top. */
export function viewQuery(view: FilesView, changes: Partial<FilesView> = {}): string {
  const { folder, open, query, order, descending, page, shown } = { ...view, ...changes };
  const parameters = new URLSearchParams();
  if (folder.length > 0) parameters.set("in", folder.join("/"));
  if (query !== "") parameters.set("q", query);
  if (order !== "name" || descending) parameters.set("sort", `${descending ? "-" : ""}${order}`);
  for (const path of [...open].slice(-MAX_OPEN)) parameters.append("open", path);
  if (page !== null && page !== "1") parameters.set("page", page);
  if (shown !== undefined) parameters.set("show", shown);
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** The view after a click on a folder's arrow. */
export function toggled(view: FilesView, path: string): ReadonlySet<string> {
  const open = new Set(view.open);
  if (!open.delete(path)) open.add(path);
  return open;
}

/** The sorting after a click on a column: another order, or the same backwards. Sizes and dates begin with the largest. */
export function resorted(view: Sorting, order: Order): Sorting {
  return { order, descending: view.order === order ? !view.descending : order !== "name" };
}
