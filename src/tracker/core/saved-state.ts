/** The tracker's memory as bytes: a checksum, then one bencoded dictionary whose peers are fixed records. */
import { bytesAt, decodeBencode, integerAt, listAt } from "../../protocol/bencode.ts";
import { bytesEqual, concatBytes } from "../../protocol/bytes.ts";
import { type Encodable, encodeBencode } from "../../protocol/encode.ts";
import { BoojumError } from "../../protocol/errors.ts";
import type { Hashes } from "../../protocol/hashes.ts";
import { infoHash } from "../../protocol/ids.ts";
import type { SavedSwarm } from "./store-types.ts";
import type { SavedPeer } from "./swarm.ts";

const FORMAT = 1;
const CHECKSUM = 32;
/** id 20, proof 4, flags 1, progress 4 (in 2^-32), then twice: seen 4 (0: none), address, port 2. */
const RECORD = 20 + 4 + 1 + 4 + (4 + 4 + 2) + (4 + 16 + 2);
const MAX_SWARMS = 1_000_000;

/** @param savedAt seconds since 1970. @returns fresh bytes, owned by the caller. */
export function encodeSaved(
  swarms: Iterable<SavedSwarm>,
  savedAt: number,
  sha256: Hashes["sha256"],
): Uint8Array {
  const list: Encodable[] = [];
  for (const { infoHash: hash, isStranger, seed, downloaded, now, peers } of swarms) {
    const records = [...peers].map(encodePeer);
    list.push({ downloaded, hash, now, open: isStranger ? 1 : 0, peers: concatBytes(records), seed });
  }
  const body = encodeBencode({ format: FORMAT, saved: Math.floor(savedAt), swarms: list });
  return concatBytes([sha256(body), body]);
}

/** @returns undefined when it isn't, in whole, what {@link encodeSaved} wrote. */
export function decodeSaved(
  bytes: Uint8Array,
  sha256: Hashes["sha256"],
): { readonly savedAt: number; readonly swarms: readonly SavedSwarm[] } | undefined {
  const body = bytes.subarray(CHECKSUM);
  if (bytes.length < CHECKSUM || !bytesEqual(sha256(body), bytes.subarray(0, CHECKSUM))) return undefined;
  try {
    const dict = decodeBencode(body, { maxTokens: 20 * MAX_SWARMS });
    if (!(dict instanceof Map) || integerAt(dict, "format") !== FORMAT) return undefined;
    const swarms = (listAt(dict, "swarms") ?? []).flatMap((each): SavedSwarm[] => {
      const hash = each instanceof Map ? bytesAt(each, "hash") : undefined;
      if (!(each instanceof Map) || hash?.length !== 20) return [];
      return [
        {
          infoHash: infoHash(hash),
          isStranger: integerAt(each, "open") === 1,
          seed: integerAt(each, "seed") ?? 0,
          downloaded: integerAt(each, "downloaded") ?? 0,
          now: integerAt(each, "now") ?? 0,
          peers: decodePeers(bytesAt(each, "peers") ?? new Uint8Array()),
        },
      ];
    });
    return { savedAt: integerAt(dict, "saved") ?? 0, swarms };
  } catch (error) {
    if (error instanceof BoojumError) return undefined;
    throw error;
  }
}

function encodePeer(peer: SavedPeer): Uint8Array {
  const record = new Uint8Array(RECORD);
  const view = new DataView(record.buffer);
  record.set(peer.peerId);
  view.setInt32(20, peer.proof);
  view.setUint8(24, peer.flags);
  view.setUint32(25, Math.min(2 ** 32 - 1, Math.floor(peer.progress * 2 ** 32)));
  for (const { address, port, seen } of peer.endpoints) {
    const at = address.length === 4 ? 29 : 39;
    view.setUint32(at, seen);
    record.set(address, at + 4);
    view.setUint16(at + 4 + address.length, port);
  }
  return record;
}

function* decodePeers(records: Uint8Array): Generator<SavedPeer> {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  for (let at = 0; at + RECORD <= records.length; at += RECORD) {
    const endpoints = ([4, 16] as const).flatMap((width) => {
      const from = at + (width === 4 ? 29 : 39);
      const seen = view.getUint32(from);
      const address = records.subarray(from + 4, from + 4 + width);
      return seen === 0 ? [] : [{ seen, address, port: view.getUint16(from + 4 + width) }];
    });
    const written = view.getUint32(at + 25);
    yield {
      peerId: records.subarray(at, at + 20),
      proof: view.getInt32(at + 20),
      flags: view.getUint8(at + 24),
      progress: written === 2 ** 32 - 1 ? 1 : written / 2 ** 32,
      endpoints,
    };
  }
}
