/** This very program as a package that npm installs without fetching anything else: `/boojum.tgz`. */
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { planTar } from "../../httpd/core/tar-layout.ts";

const NAME = "boojum";
/** Beside `dist`, when they are there. */
const TEXTS = ["README.md", "CHANGELOG.md", "ARCHITECTURE.md", "LICENSE"];
/** What an installation needs; scripts and what only developers use stay behind. */
const KEPT = ["name", "version", "description", "license", "type", "engines", "bin", "exports"];
/** The byte of a gzip header that names the system it was made on; 255: unknown (RFC 1952, 2.3.1). */
const GZIP_SYSTEM = 9;

/**
 * Packs the program that runs, as `npm pack` would: the same bytes whenever and wherever the same version is packed.
 * @returns undefined when it runs from its sources and was never built.
 */
export async function packProgram(): Promise<Uint8Array | undefined> {
  const root = await packageRoot();
  if (root === undefined) return undefined;
  const dist = await readdir(join(root, "dist"), { recursive: true, withFileTypes: true });
  const built = dist.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const paths = built.map((path) => path.slice(root.length).replaceAll("\\", "/")).sort();
  const contents = new Map([["package.json", await manifest(root)]]);
  for (const path of [...TEXTS, ...paths]) {
    const bytes = await readFile(join(root, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" && TEXTS.includes(path)) return undefined;
      throw error;
    });
    if (bytes !== undefined) contents.set(path, bytes);
  }
  const packed = await promisify(gzip)(tarOf(contents), { level: 9 });
  packed[GZIP_SYSTEM] = 255;
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.length);
}

/** From the bundle the package is one folder up, from the sources two. Ends with a slash. */
async function packageRoot(): Promise<string | undefined> {
  for (const up of ["..", "../../.."]) {
    const root = fileURLToPath(new URL(`${up}/`, import.meta.url));
    try {
      const found: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
      if (typeof found !== "object" || found === null || !("name" in found) || found.name !== NAME) continue;
      await access(join(root, "dist", "cli.cjs"));
      return root;
    } catch {
      // Not there: further up, or nowhere.
    }
  }
  return undefined;
}

async function manifest(root: string): Promise<Uint8Array> {
  const whole: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const fields = Object.entries(whole ?? {}).filter(([key]) => KEPT.includes(key));
  return new TextEncoder().encode(`${JSON.stringify(Object.fromEntries(fields), undefined, 2)}\n`);
}

/** npm wants everything below one folder; by custom it is called `package`. */
function tarOf(contents: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const layout = planTar(
    [...contents].map(([path, { length }]) => ({
      path: ["package", ...path.split("/")],
      length,
      executable: path === "dist/cli.cjs",
      mtimeNs: 0n,
    })),
  );
  const bytes = [...contents.values()];
  const tar = new Uint8Array(layout.size);
  let at = 0;
  for (const segment of layout.segments({ start: 0, end: layout.size - 1 })) {
    const part =
      segment.kind === "literal" ? layout.literal(segment.item, NO_CRCS) : (bytes[segment.file] ?? NO_BYTES);
    tar.set(part, at);
    at += part.length;
  }
  return tar;
}

const NO_CRCS = new Uint32Array(0);
const NO_BYTES = new Uint8Array(0);
