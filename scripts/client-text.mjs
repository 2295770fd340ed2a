// The script that runs in the browser is TypeScript like everything else. The server imports it as text:
// import { text } from "./page.client.ts?text"; this bundles it for esbuild (the build) and for vite (the tests).
import path from "node:path";
import { build } from "esbuild";

const SUFFIX = "?text";

async function bundle(file) {
  const result = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  });
  return `export const text = ${JSON.stringify(result.outputFiles[0].text.trim())};`;
}

/** For esbuild. */
export const clientText = {
  name: "client-text",
  setup(building) {
    building.onResolve({ filter: /\.client\.ts\?text$/ }, ({ path: file, resolveDir }) => ({
      path: path.resolve(resolveDir, file.slice(0, -SUFFIX.length)),
      namespace: "client-text",
    }));
    building.onLoad({ filter: /.*/, namespace: "client-text" }, async ({ path: file }) => ({
      contents: await bundle(file),
      loader: "js",
      watchFiles: [file],
    }));
  },
};

/** For vite. */
export const clientTextInTests = {
  name: "client-text",
  enforce: "pre",
  resolveId(id, importer) {
    if (!id.endsWith(`.client.ts${SUFFIX}`) || importer === undefined) return null;
    return path.resolve(path.dirname(importer), id);
  },
  load(id) {
    return id.endsWith(`.client.ts${SUFFIX}`) ? bundle(id.slice(0, -SUFFIX.length)) : null;
  },
};
