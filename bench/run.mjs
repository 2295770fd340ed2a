// Runs one benchmark: npm run bench -- NAME [OPTION...]; without a name it lists them.
// Benchmarks are TypeScript; each is bundled into a temporary file first, since Node 20 runs none.
import { mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const folder = fileURLToPath(new URL(".", import.meta.url));
const [name] = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3));
if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [OPTION...]\nbenchmarks: ${names.join(", ")}`);
  process.exit(2);
}
// Two levels below the project like the sources, so that paths relative to a module stay true.
const out = path.join(folder, "../artifacts/bench-build");
mkdirSync(out, { recursive: true });
const bundle = path.join(out, `${name}.mjs`);
await build({
  entryPoints: [path.join(folder, `${name}.ts`)],
  outfile: bundle,
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
  define: { "import.meta.url": JSON.stringify(pathToFileURL(path.join(folder, "support/x.ts")).href) },
});
await import(pathToFileURL(bundle).href);
