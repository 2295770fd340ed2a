/** Test data: reproducible bytes, folders with everything awkward in them, and a way to compare trees. */
import { createCipheriv, createHash } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** `length` bytes that look random and are always the same for one seed. */
export function noise(length: number, seed: number): Uint8Array {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed >>> 0);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

export interface Scratch {
  readonly dir: string;
  /** A new folder in it. */
  fresh(): string;
  remove(): void;
}

/** A folder of its own for a test. */
export function scratch(base = tmpdir()): Scratch {
  const dir = mkdtempSync(path.join(base, "boojum-test-"));
  return {
    dir,
    fresh: () => mkdtempSync(path.join(dir, "job-")),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

const scripts = [
  "plain",
  "Ünïcödé",
  "日本語",
  "кириллица",
  "العربية",
  "emoji 🎁",
  "with space",
  "dots.in.name",
  "ẞß",
  "한국어",
];
const borders = [0, 1, 16_383, 16_384, 16_385, 32_767, 32_768, 65_536, 65_537, 131_071, 131_073, 262_145];

/** `count` files in nested folders: empty ones, names in several scripts, sizes around block and piece borders. */
export function makeFolder(root: string, count = 300): void {
  for (let i = 0; i < count; i++) {
    const depth = i % 4;
    const folders = Array.from(
      { length: depth },
      (_, level) => `${scripts[(i + level) % scripts.length]}-${level}`,
    );
    const folder = path.join(root, ...folders);
    mkdirSync(folder, { recursive: true });
    const size = borders[i % borders.length] ?? 0;
    writeFileSync(path.join(folder, `${i} ${scripts[i % scripts.length]}.bin`), noise(size, i + 1));
  }
  writeFileSync(path.join(root, ".hidden"), "a dotfile travels too");
}

/** Paths below `root` with the SHA-256 of each file, sorted; what two equal trees have in common. */
export async function digestTree(root: string): Promise<ReadonlyMap<string, string>> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
  const digests = new Map<string, string>();
  for (const file of files) digests.set(file, await digestFile(path.join(root, file)));
  return digests;
}

/** SHA-256 of one file, in hexadecimal. */
export async function digestFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(file, { highWaterMark: 1 << 20 }))
    hash.update(bytes as Uint8Array);
  return hash.digest("hex");
}
