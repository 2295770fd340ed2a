// Writes a .torrent for a file or folder, and reads it again.
// Usage: node examples/create.mjs PATH FILE.torrent
import { createTorrentFile, readInfo } from "boojum";

const [path, out] = process.argv.slice(2);

const stopping = new AbortController();
process.once("SIGINT", () => stopping.abort());
const created = await createTorrentFile(
  path,
  { out, trackers: ["http://tracker.example:6969/announce"], pieceLength: 262_144 },
  stopping.signal,
);
const info = await readInfo({ kind: "torrent", path: created.path }, stopping.signal);
console.log(`${created.infoHash} ${info.files.length} files in ${info.pieces} pieces`);
