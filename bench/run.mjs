// Runs one benchmark: npm run bench -- NAME [OPTION...]; without a name it lists them.
// Benchmarks are TypeScript; each is bundled into a temporary file first, since Node 20 runs none.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
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
/** Lets each module keep the address of its own source file, so that paths relative to it stay true. */
const ownAddresses = {
  name: "own-addresses",
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, ({ path: file }) => ({
      contents: readFileSync(file, "utf8").replaceAll(
        "import.meta.url",
        JSON.stringify(pathToFileURL(file).href),
      ),
      loader: "ts",
    }));
  },
};

// Certificates that a company has its programs trust cost each Node program 30 ms before it starts: more than Node itself.
delete process.env.NODE_EXTRA_CA_CERTS;

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
  plugins: [ownAddresses],
});
await import(pathToFileURL(bundle).href);
