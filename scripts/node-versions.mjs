// Runs what is built, and the unit tests, with other versions of Node than the one at hand, which come from the npm
// registry: the oldest that we promise, and every line that is maintained.
// Usage: node scripts/node-versions.mjs [VERSION...]
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cli = path.join(root, "dist/cli.cjs");
/** Only what is promised, and runs nowhere else, is tested with the oldest one: our tools want newer ones. */
const versions = process.argv.length > 2 ? process.argv.slice(2) : ["20.19.0", "22", "24", "26"];
const SMOKE_ONLY = "20.19.0";
const PATIENCE = 300_000;

/** @returns the path of that version's program */
function install(version) {
  const ask = ["exec", "--yes", `--package=node@${version}`, "--", "node", "-p", "process.execPath"];
  return execFileSync("npm", ask, { cwd: tmpdir(), encoding: "utf8", timeout: PATIENCE }).trim();
}

/** Publishes a file and gets it again. */
async function smoke(node) {
  const place = mkdtempSync(path.join(tmpdir(), "boojum-node-"));
  const data = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * i) >> 3));
  writeFileSync(path.join(place, "data"), data);
  const env = {
    ...process.env,
    BOOJUM_NO_LAN: "1",
    BOOJUM_CONFIG: "",
    BOOJUM_CACHE_DIR: path.join(place, "cache"),
  };
  const flags = ["--bind", "127.0.0.1", "--port", "0", "--json"];
  const publisher = spawn(node, [cli, "data", ...flags], {
    cwd: place,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => publisher.once("close", resolve));
  try {
    const url = await new Promise((resolve, reject) => {
      let text = "";
      publisher.stdout.on("data", (part) => {
        text += part;
        const ready = text.split("\n").find((line) => line.includes('"ready"') && line.endsWith("}"));
        if (ready !== undefined) resolve(JSON.parse(ready).url);
      });
      void ended.then((code) => reject(new Error(`the publisher ended with ${code}`)));
    });
    execFileSync(node, [cli, "get", url, "-o", "out"], { cwd: place, env, stdio: "ignore", timeout: 30_000 });
    if (!readFileSync(path.join(place, "out/data")).equals(data)) throw new Error("the data differ");
  } finally {
    publisher.kill("SIGINT");
    const code = await ended;
    rmSync(place, { recursive: true });
    if (code !== 0) process.exitCode = 1;
  }
}

for (const version of versions) {
  const node = install(version);
  console.log(`== ${execFileSync(node, ["--version"], { encoding: "utf8" }).trim()}`);
  await smoke(node);
  console.log("published and got");
  if (version === SMOKE_ONLY) continue;
  execFileSync(node, ["node_modules/vitest/vitest.mjs", "run", "--project", "unit"], {
    cwd: root,
    stdio: "inherit",
    timeout: PATIENCE,
  });
}
