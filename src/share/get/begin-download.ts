/** From a torrent that has been read to a running download; no part of the library's types. */
import { forgetMetadata, saveMetadata } from "../../client/storage/saved-metadata.ts";
import { systemClock } from "../../platform/clock.ts";
import { nodeHashes } from "../../platform/hashes.ts";
import { parseMetainfo } from "../../protocol/parse-metainfo.ts";
import { formatPeerAddress } from "../../protocol/peer-address.ts";
import { InterruptedError } from "../peer-errors.ts";
import { UnsupportedError } from "../unsupported-error.ts";
import type { Download, GetOptions } from "./get-types.ts";
import { Preparing } from "./preparing.ts";
import type { SourceRead } from "./read-source.ts";
import { finishAtOnce, isComplete, Receiver, wantsToSeed } from "./receiver.ts";

/** Like `get`, of a torrent that is here already. */
export async function getRead(read: SourceRead, options: GetOptions): Promise<Download> {
  return await stoppable(options, async (stopping) => {
    const preparing = new Preparing(options, stopping.signal);
    try {
      return await begin(read, preparing, { options, stopping, startedAt: systemClock.now() });
    } catch (error) {
      await preparing.close();
      throw error;
    }
  });
}

/** @param start ends, and fails, when `signal` or what it is given says so. */
export async function stoppable(
  { signal }: GetOptions,
  start: (stopping: AbortController) => Promise<Download>,
): Promise<Download> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new InterruptedError());
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const download = await start(stopping);
    void download.closed.then(() => signal?.removeEventListener("abort", stop));
    return download;
  } catch (error) {
    signal?.removeEventListener("abort", stop);
    throw stopping.signal.aborted ? stopping.signal.reason : error;
  }
}

interface Beginning {
  readonly options: GetOptions;
  readonly stopping: AbortController;
  readonly startedAt: number;
}

/** @throws what `get` throws once the torrent is read. */
export async function begin(
  { bytes, magnet, peers = [], foothold, fromPublic = false }: SourceRead,
  preparing: Preparing,
  { stopping, startedAt, ...beginning }: Beginning,
): Promise<Download> {
  const metainfo = parseMetainfo(bytes, nodeHashes);
  // Those of a private torrent come from its tracker (BEP 27).
  const more = [...(magnet?.peers ?? []).map(formatPeerAddress), ...(metainfo.private ? [] : peers)];
  const options = { ...beginning.options, peers: [...(beginning.options.peers ?? []), ...more] };
  const { infoHash } = metainfo;
  if (infoHash === undefined) {
    throw new UnsupportedError(
      `"${metainfo.name}" is a v2-only torrent, which can't be downloaded yet. Ask for a hybrid or v1 one.`,
    );
  }
  await preparing.pick(metainfo);
  const prepared = await preparing.openFor(metainfo, infoHash, magnet?.select);
  const directory = options.directory ?? ".";
  // Only of a link: whoever has the torrent needs no copy of it.
  if (magnet !== undefined) await saveMetadata(directory, infoHash, metainfo.info);
  const onComplete = async () => {
    if (magnet !== undefined) await forgetMetadata(directory, infoHash);
  };
  const parts = {
    metainfo,
    infoHash,
    fromPublic,
    ...prepared,
    options,
    tell: preparing.tell,
    stopping,
    startedAt,
    foothold,
    onComplete,
  };
  // What came early was never told to the tracker, which counts copies.
  const isEarly = prepared.port !== undefined;
  if (isComplete(prepared.place) && !wantsToSeed(options.seed) && !isEarly) return await finishAtOnce(parts);
  const running = await Receiver.open(parts);
  preparing.onLost = (pieces) => running.lose(pieces);
  return running;
}
