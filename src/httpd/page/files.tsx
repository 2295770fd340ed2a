/** A share's files: a tree whose state is in the page's query, so that it works by links alone. */
import { countOf, formatBytes, formatCount } from "../core/format.ts";
import { type Page, pageOf } from "../core/paging.ts";
import { previewKind } from "../core/preview.ts";
import { type Folder, folderAt, growTree, type Order, type Row, search, unfold } from "../core/tree.ts";
import { type FilesView, resorted, toggled, viewQuery } from "../core/view.ts";
import { archivePath, filePath, sharePath } from "../links.ts";
import type { Share, SharedFile } from "../model.ts";
import { Icon } from "./layout.tsx";
import { Preview, type PreviewContent } from "./preview.tsx";
import { shown } from "./shown.ts";

/** Rows on one page. */
const ROWS = 200;
/** Deeper rows are not indented further. */
const MAX_DEPTH = 8;

interface FilesProps {
  readonly share: Share;
  readonly root: string;
  readonly view: FilesView;
  readonly preview: PreviewContent | undefined;
}

interface RowsProps extends FilesProps {
  readonly page: Page<Row<SharedFile>>;
}

const trees = new WeakMap<readonly SharedFile[], Folder<SharedFile>>();

function treeOf(files: readonly SharedFile[]): Folder<SharedFile> {
  let tree = trees.get(files);
  if (tree === undefined) {
    tree = growTree(files);
    trees.set(files, tree);
  }
  return tree;
}

function rowsOf(share: Share, view: FilesView): Row<SharedFile>[] {
  if (view.query !== "") {
    return search(share.files, view.query, view).map((file) => ({ kind: "file", file, depth: 0 }));
  }
  const tree = treeOf(share.files);
  return unfold(folderAt(tree, view.folder) ?? tree, view.open, view);
}

export function Files(props: FilesProps) {
  const { share, view, preview } = props;
  if (share.files.length === 0) return share.state.name === "ready" ? <Nothing /> : null;
  const rows = rowsOf(share, view);
  const page = pageOf(rows, view.page, ROWS);
  const isMany = share.files.length > 1;
  return (
    <section id="files" aria-labelledby="files-title">
      {preview === undefined ? null : (
        <Preview {...props} preview={preview} {...neighbours(rows, preview.file)} />
      )}
      <div class="head">
        <h2 id="files-title">{share.oneFile ? "File" : "Files"}</h2>
        {isMany ? <SearchForm {...props} /> : null}
      </div>
      {isMany ? <Trail {...props} found={rows.length} /> : null}
      {rows.length === 0 ? (
        <p class="card soft">No name has that. Try fewer letters.</p>
      ) : (
        <div class="tree">
          {isMany ? <Columns {...props} /> : null}
          {isMany ? <SelectionForm {...props} /> : null}
          <ul class="files">
            {page.items.map((row) =>
              row.kind === "folder" ? (
                <FolderRow {...props} row={row} />
              ) : (
                <FileRow {...props} file={row.file} depth={row.depth} />
              ),
            )}
          </ul>
        </div>
      )}
      {page.count > 1 ? <Pager {...props} page={page} /> : null}
    </section>
  );
}

function Nothing() {
  return (
    <section id="files" class="card soft">
      <p>There are no files in this folder.</p>
    </section>
  );
}

function linkTo({ share, root, view }: FilesProps, changes: Partial<FilesView>): string {
  return `${root}${sharePath(share)}${viewQuery(view, changes)}#files`;
}

function SearchForm(props: FilesProps) {
  const { share, root, view } = props;
  const sort = `${view.descending ? "-" : ""}${view.order}`;
  return (
    <form class="search" role="search" method="get" action={`${root}${sharePath(share)}#files`} data-nav>
      <input
        id="q"
        type="search"
        name="q"
        value={view.query}
        placeholder="Search names"
        aria-label="Search names of files and folders"
        autocomplete="off"
      />
      {sort === "name" ? null : <input type="hidden" name="sort" value={sort} />}
      <button type="submit">Search</button>
    </form>
  );
}

/** Where one is, and the way back. */
function Trail({ found, ...props }: FilesProps & { readonly found: number }) {
  const { share, view } = props;
  if (view.query !== "") {
    return (
      <p class="trail" role="status">
        {countOf(found, "file")} found.{" "}
        <a href={linkTo(props, { query: "", page: null })} data-nav>
          Show all
        </a>
      </p>
    );
  }
  if (view.folder.length === 0) return null;
  return (
    <nav class="trail" aria-label="Folders above">
      {view.folder.map((_, i) => (
        <>
          <a href={linkTo(props, { folder: view.folder.slice(0, i), page: null })} data-nav>
            <bdi>{shown(i === 0 ? share.name : (view.folder[i - 1] ?? ""))}</bdi>
          </a>
          <span aria-hidden="true"> / </span>
        </>
      ))}
      <b>
        <bdi>{shown(view.folder.at(-1) ?? "")}</bdi>
      </b>
    </nav>
  );
}

const COLUMNS = [
  ["name", "Name"],
  ["date", "Changed"],
  ["size", "Size"],
] as const satisfies readonly (readonly [Order, string])[];

function Columns(props: FilesProps) {
  const { view } = props;
  return (
    <div class="columns" role="group" aria-label="Sort by">
      {COLUMNS.map(([order, label]) => {
        const isCurrent = view.order === order;
        const arrow = isCurrent ? (view.descending ? " ↓" : " ↑") : "";
        return (
          <a
            class={order}
            href={linkTo(props, { ...resorted(view, order), page: null })}
            aria-current={isCurrent ? "true" : undefined}
            data-nav
          >
            {label}
            <span aria-hidden="true">{arrow}</span>
            {isCurrent ? <span class="hush">, {view.descending ? "descending" : "ascending"}</span> : null}
          </a>
        );
      })}
    </div>
  );
}

/** What is ticked, as one ZIP: without scripts, which have a better place for it. */
function SelectionForm({ share, root }: FilesProps) {
  return (
    <form id="picked" class="picked" method="get" action={root + archivePath(share, "zip")}>
      {/* So that no tick at all isn't everything. */}
      <input type="hidden" name="select" value="" />
      <button type="submit">ZIP of the ticked files</button>
      <span class="soft">Of this page of the list; tick a folder to get all that is in it.</span>
    </form>
  );
}

function FolderRow({
  row: { folder, depth, isOpen },
  ...props
}: FilesProps & { readonly row: Extract<Row<SharedFile>, { readonly kind: "folder" }> }) {
  const path = folder.path.join("/");
  const name = shown(folder.name);
  return (
    <li class={indent(depth)} data-key={`${path}/`}>
      <Tick share={props.share} path={path} name={name} bytes={folder.bytes} count={folder.count} />
      <a
        class={isOpen ? "fold open" : "fold"}
        href={linkTo(props, { open: toggled(props.view, path) })}
        aria-expanded={isOpen ? "true" : "false"}
        aria-label={`${isOpen ? "Close" : "Open"} folder ${name}`}
        data-nav
      >
        <Icon name="arrow" />
      </a>
      <a class="name" href={linkTo(props, { folder: folder.path, page: null })} data-nav>
        <Icon name="folder" />
        <bdi>{name}</bdi>
        <span class="soft"> {countOf(folder.count, "file")}</span>
      </a>
      <Facts mtimeNs={folder.mtimeNs} bytes={folder.bytes} />
      <span class="save" />
    </li>
  );
}

function FileRow({
  file,
  depth,
  ...props
}: FilesProps & { readonly file: SharedFile; readonly depth: number }) {
  const { share, root, view } = props;
  const href = root + filePath(share, file);
  const path = file.path.join("/");
  const name = shown(file.path.at(-1) ?? "");
  const above = view.query === "" ? [] : file.path.slice(0, -1).map(shown);
  const canLook = previewKind(name) !== undefined;
  return (
    <li class={indent(depth)} data-key={path}>
      <Tick share={share} path={path} name={name} bytes={file.length} count={1} href={href} />
      <span class="fold" />
      <a
        class="name"
        href={canLook ? linkTo(props, { shown: path }) : href}
        {...(canLook ? { "data-nav": true } : { download: true })}
      >
        <Icon name={canLook ? "look" : "file"} />
        {above.length === 0 ? null : (
          <span class="soft">
            <bdi>{above.join("/")}</bdi>/
          </span>
        )}
        <bdi>{name}</bdi>
      </a>
      <Facts mtimeNs={file.mtimeNs} bytes={file.length} />
      <a class="save" href={href} download aria-label={`Download ${name}`} title="Download">
        <Icon name="save" />
      </a>
    </li>
  );
}

interface TickProps {
  readonly share: Share;
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  readonly count: number;
  readonly href?: string;
}

/** Part of the {@link SelectionForm}; the script knows what was ticked on other pages of the list, too. */
function Tick({ share, path, name, bytes, count, href }: TickProps) {
  // Of one file there is nothing to choose.
  if (share.files.length < 2) return null;
  return (
    <label class="tick">
      <input
        type="checkbox"
        form="picked"
        name="select"
        value={path}
        autocomplete="off"
        aria-label={`Select ${name}`}
        data-bytes={String(bytes)}
        data-count={String(count)}
        data-href={href}
      />
    </label>
  );
}

function Facts({ mtimeNs, bytes }: { readonly mtimeNs: bigint; readonly bytes: number }) {
  return (
    <>
      <span class="date">{new Date(Number(mtimeNs / 1_000_000n)).toISOString().slice(0, 10)}</span>
      <span class="size">{formatBytes(bytes)}</span>
    </>
  );
}

function indent(depth: number): string {
  return `d${Math.min(depth, MAX_DEPTH)}`;
}

function Pager({ page, ...props }: RowsProps) {
  const href = (number: number) => linkTo(props, { page: String(number) });
  return (
    <nav class="pages" aria-label="Pages of files">
      {page.number > 1 ? (
        <a class="button quiet" rel="prev" href={href(page.number - 1)} data-nav>
          Previous
        </a>
      ) : null}
      <span>
        {formatCount(page.first + 1)} to {formatCount(page.first + page.items.length)} of{" "}
        {formatCount(page.total)}
      </span>
      {page.number < page.count ? (
        <a class="button quiet" rel="next" href={href(page.number + 1)} data-nav>
          Next
        </a>
      ) : null}
    </nav>
  );
}

/** The files before and after `file` among the rows that can be looked at. */
function neighbours(rows: readonly Row<SharedFile>[], file: SharedFile) {
  const files = rows.flatMap((row) =>
    row.kind === "file" && previewKind(row.file.path.at(-1) ?? "") !== undefined ? [row.file] : [],
  );
  const at = files.indexOf(file);
  return at < 0 ? {} : { before: files[at - 1], after: files[at + 1] };
}
