/** Answers a request for a share, or some of its files, as one ZIP or TAR file, made as it is sent; the pump sends it. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { crc32 } from "node:zlib";
import { escapeForTerminal } from "../protocol/escape.ts";
import { portableName, portablePaths } from "../protocol/portable-path.ts";
import { type Answer, type Entity, planAnswer } from "./answer.ts";
import { Checksums } from "./checksums.ts";
import type { ArchiveFile, ArchiveLayout } from "./core/archive-layout.ts";
import { contentDisposition } from "./core/content.ts";
import { selectFiles } from "./core/selection.ts";
import { planTar } from "./core/tar-layout.ts";
import { planZip } from "./core/zip-layout.ts";
import type { Share, SharedFile } from "./model.ts";
import { type FileProblem, findChanged } from "./open-file.ts";
import { type Outlet, type Part, pump } from "./pump.ts";

export type ArchiveFormat = "zip" | "tar";

const TYPES = { zip: "application/zip", tar: "application/x-tar" } as const;
const PLANS = { zip: planZip, tar: planTar } as const;

interface Archive {
  readonly layout: ArchiveLayout;
  readonly tag: string;
}

/** What is worked out once for each list of files, when it is first asked for. */
interface Prepared {
  readonly files: readonly SharedFile[];
  /** Of the file that it is saved as, without the ending. */
  readonly name: string;
  readonly entries: readonly ArchiveFile[];
  readonly tagSeed: string;
  readonly checksums: Checksums;
  readonly archives: Map<ArchiveFormat, Archive>;
}
const prepared = new WeakMap<readonly SharedFile[], Prepared>();

/** The selections asked for last: who continues one shouldn't wait for it to be worked out again. */
const selections = new WeakMap<Prepared, Map<string, Prepared>>();
const MAX_SELECTIONS = 8;

/** So many are looked at before they are promised; with more of them, a second would pass. */
const FILES_TO_LOOK_AT = 10_000;

export interface ArchiveRequest {
  /** It must have been scanned. */
  readonly share: Share;
  readonly format: ArchiveFormat;
  /** Files and folders, see `core/selection.ts`; undefined: everything. */
  readonly paths: readonly string[] | undefined;
  readonly outlet: Outlet;
}

/**
 * Answers a GET or HEAD for files of a share, under the names that `get` gives them.
 * @returns undefined once the answer is under way; or why nothing was written.
 */
export async function sendArchive(
  request: IncomingMessage,
  response: ServerResponse,
  { share, format, paths, outlet }: ArchiveRequest,
): Promise<FileProblem | undefined> {
  const whole = prepare(share);
  const ready = paths === undefined ? whole : prepareSelection(whole, paths);
  if ("status" in ready) return ready;
  const { files } = ready;
  const archive = archiveOf(ready, format);
  const answer = planAnswer(request, archiveEntity(ready.name, format, archive));
  const isSent = request.method === "GET" && answer.parts.length > 0;
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  if (isSent && answer.status === 200 && files.length <= FILES_TO_LOOK_AT) {
    const changed = await findChanged(files, gone.signal).catch(() => undefined);
    if (changed !== undefined) {
      share.suspect?.(changed);
      return changedProblem(changed);
    }
  }
  if (response.destroyed) return undefined;
  response.writeHead(answer.status, answer.headers);
  if (!isSent) {
    response.end();
    return undefined;
  }
  const { layout } = archive;
  const { checksums } = ready;
  // Who continues an archive needs the sums of what was sent before at its end: they are made meanwhile.
  if (answer.status === 206 && layout.hasCrcs && reachesEnd(answer, layout.size)) {
    checksums.wait({ from: 0, to: files.length }, gone.signal).catch(() => {});
  }
  const parts = archiveParts({ files, layout, answer, checksums }, gone.signal);
  pump({ response, parts, length: answer.length, outlet, onSent: share.onSent });
  return undefined;
}

function changedProblem({ path }: SharedFile): FileProblem {
  const name = escapeForTerminal(path.join("/"));
  return {
    status: 409,
    message: `"${name}" has changed since it was shared, so not everything is there. Whoever shares it must do so again.`,
  };
}

function reachesEnd({ parts }: Answer, size: number): boolean {
  return parts.some((part) => "end" in part && part.end === size - 1);
}

function prepare(share: Share): Prepared {
  const { files, name } = share;
  const known = prepared.get(files);
  if (known !== undefined) return known;
  const root = portableName(name);
  const paths = portablePaths(files.map((file) => file.path));
  const entries = files.map(({ path, length, executable, mtimeNs }, i): ArchiveFile => {
    return { path: share.oneFile ? [root] : [root, ...(paths[i] ?? path)], length, executable, mtimeNs };
  });
  const made = assemble({ files, name, entries, checksums: new Checksums(files) });
  prepared.set(files, made);
  return made;
}

function prepareSelection(whole: Prepared, paths: readonly string[]): Prepared | FileProblem {
  let recent = selections.get(whole);
  if (recent === undefined) selections.set(whole, (recent = new Map()));
  const key = JSON.stringify(paths);
  let made = recent.get(key);
  if (made === undefined) {
    const selected = selectFiles(whole.files, paths);
    if (!selected.ok) return { status: selected.status, message: escapeForTerminal(selected.message) };
    const { positions } = selected;
    const pick = <Item>(items: readonly Item[]) => positions.flatMap((position) => items[position] ?? []);
    const [only, ...others] = paths;
    const name = others.length === 0 ? (only?.split("/").at(-1) ?? "") : `${whole.name} selection`;
    made = assemble({
      files: pick(whole.files),
      name,
      entries: pick(whole.entries),
      checksums: whole.checksums.of(positions),
    });
  }
  // The one used last goes to the end.
  recent.delete(key);
  recent.set(key, made);
  const [oldest] = recent.keys();
  if (recent.size > MAX_SELECTIONS && oldest !== undefined) recent.delete(oldest);
  return made;
}

function assemble(parts: Pick<Prepared, "files" | "name" | "entries" | "checksums">): Prepared {
  const tag = createHash("sha256");
  for (const [i, { path, length, executable, mtimeNs }] of parts.entries.entries()) {
    tag.update(`${path.join("/")}\0${length} ${mtimeNs} ${parts.files[i]?.inode} ${executable}\0`);
  }
  return { ...parts, tagSeed: tag.digest("base64url").slice(0, 22), archives: new Map() };
}

function archiveOf({ entries, tagSeed, archives }: Prepared, format: ArchiveFormat): Archive {
  const known = archives.get(format);
  if (known !== undefined) return known;
  // The number goes up when the same files come to give other bytes.
  const archive = { layout: PLANS[format](entries), tag: `"${format}1-${tagSeed}"` };
  archives.set(format, archive);
  return archive;
}

function archiveEntity(name: string, format: ArchiveFormat, { layout, tag }: Archive): Entity {
  return {
    size: layout.size,
    tag,
    headers: {
      "Content-Type": TYPES[format],
      "Content-Disposition": contentDisposition(false, `${name}.${format}`),
      "Cache-Control": "no-cache",
    },
  };
}

interface Sources {
  readonly files: readonly SharedFile[];
  readonly layout: ArchiveLayout;
  readonly answer: Answer;
  readonly checksums: Checksums;
}

/** Made one by one as they are sent: who stops after the first costs no more than that. */
function* archiveParts(sources: Sources, signal: AbortSignal): Generator<Part, void, undefined> {
  const { files, layout, answer, checksums } = sources;
  for (const part of answer.parts) {
    if (part instanceof Uint8Array) {
      yield part;
      continue;
    }
    for (const segment of layout.segments(part)) {
      if (segment.kind === "literal") {
        const { item, from, to } = segment;
        const make = () => layout.literal(item, checksums.values).subarray(from, to);
        const span = layout.crcsIn(item);
        yield checksums.has(span) ? make() : checksums.wait(span, signal).then(make);
        continue;
      }
      const { file: index, range } = segment;
      const file = files[index];
      if (file === undefined) throw new RangeError(`the share has no file ${index}`);
      const isWhole = range.end - range.start + 1 === file.length;
      if (!isWhole || !layout.hasCrcs || checksums.has({ from: index, to: index + 1 })) {
        yield { file, range };
        continue;
      }
      let crc = 0;
      const tap = (bytes: Uint8Array) => {
        crc = crc32(bytes, crc);
      };
      yield { file, range, tap };
      // Whoever asks for the next part has read this one.
      checksums.put(index, crc);
    }
  }
}
