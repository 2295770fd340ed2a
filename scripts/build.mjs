// Builds what is published: the command, the library and the threads' modules, each bundled so that
// starting needs few file reads and installing needs no other package; then the types and the manual page.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { clientText } from "./client-text.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
const requireForBundled =
  "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);";
rmSync(`${root}dist`, { recursive: true, force: true });

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  minifySyntax: true,
  legalComments: "linked",
  logLevel: "warning",
};

const define = { BOOJUM_VERSION: JSON.stringify(version) };

/** What the command loads when it is to do something is built with the library, whose parts it shares. */
const apart = {
  name: "apart",
  setup(builder) {
    builder.onResolve({ filter: /^\.\/run\.ts$/ }, () => ({ path: "./run.js", external: true }));
  },
};
await build({
  ...common,
  entryPoints: { cli: "src/cli/main.ts" },
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  format: "cjs",
  define,
  plugins: [apart],
});

await build({
  ...common,
  entryPoints: { run: "src/cli/run.ts", share: "src/share.ts" },
  outdir: "dist",
  splitting: true,
  chunkNames: "chunk-[hash]",
  format: "esm",
  define,
  // Bundled CommonJS packages call require() for Node's own modules.
  banner: { js: requireForBundled },
  plugins: [clientText],
});

// In one file, and of the kind that needs no loader: a thread starts in two thirds of the time.
for (const worker of ["create/hash-worker", "client/storage/piece-worker"]) {
  await build({
    ...common,
    entryPoints: [`src/${worker}.ts`],
    outfile: `dist/${worker.split("/").at(-1)}.cjs`,
    format: "cjs",
  });
}

// The manual page comes out of the same table as --help.
const maker = `${root}dist/man-page.mjs`;
await build({
  absWorkingDir: root,
  entryPoints: ["src/cli/man-page.ts"],
  outfile: maker,
  bundle: true,
  format: "esm",
  platform: "node",
  define,
  banner: { js: requireForBundled },
  plugins: [clientText],
  logLevel: "warning",
});
const { manPage } = await import(pathToFileURL(maker).href);
rmSync(maker);
writeFileSync(`${root}dist/share.1`, manPage());

execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.types.json"], {
  cwd: root,
  stdio: "inherit",
});
