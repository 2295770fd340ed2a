// Damages valid inputs of every decoder. A case depends on its seed and number alone, so a run can be split and resumed:
// npm run fuzz -- [--cases 10000000] [--seed N] [--from NUMBER] [--shard 1/4] [--target NAME]
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const outfile = fileURLToPath(new URL("../artifacts/fuzz/fuzz.mjs", import.meta.url));
mkdirSync(fileURLToPath(new URL("../artifacts/fuzz", import.meta.url)), { recursive: true });
await build({
  entryPoints: [fileURLToPath(new URL("../test/fuzz/fuzz.ts", import.meta.url))],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  logLevel: "warning",
});
await import(outfile);
