import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let house: string;

/** Lints one planted file as if it stood in the project; returns what the linter complains about. */
function lint(file: string, source: string): string[] {
  const target = path.join(house, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, source);
  const run = spawnSync(
    process.execPath,
    [path.join(root, "node_modules/oxlint/bin/oxlint"), "--format", "json", file],
    { cwd: house, encoding: "utf8" },
  );
  const report = JSON.parse(run.stdout) as { diagnostics: { code: string }[] };
  return report.diagnostics.map((diagnostic) => diagnostic.code);
}

beforeEach(() => {
  house = mkdtempSync(path.join(tmpdir(), "boojum-lint-"));
  copyFileSync(path.join(root, ".oxlintrc.json"), path.join(house, ".oxlintrc.json"));
});
afterEach(() => rmSync(house, { recursive: true, force: true }));

const restrictedImport = "eslint(no-restricted-imports)";

describe("the layering rules", () => {
  it.each([
    ["src/protocol/planted.ts", "../platform/clock.ts"],
    ["src/protocol/planted.ts", "node:fs"],
    ["src/client/core/planted.ts", "../torrent.ts"],
    ["src/client/core/planted.ts", "../../platform/clock.ts"],
    ["src/tracker/core/planted.ts", "node:crypto"],
    ["src/client/planted.ts", "../tracker/http.ts"],
    ["src/client/discovery/planted.ts", "../../httpd/app.ts"],
    ["src/client/peers/planted.ts", "../../tracker/http.ts"],
    ["src/client/storage/planted.ts", "../../create/scan.ts"],
    ["src/tracker/planted.ts", "../client/torrent.ts"],
    ["src/httpd/planted.tsx", "../create/scan.ts"],
    ["src/httpd/page/planted.tsx", "../../tracker/http.ts"],
    ["src/create/planted.ts", "../share.ts"],
    ["src/mdns/planted.ts", "../client/torrent.ts"],
    ["src/client/planted.ts", "../mdns/browser.ts"],
    ["src/mdns/core/planted.ts", "../../platform/clock.ts"],
    ["src/gateway/planted.ts", "../client/torrent.ts"],
    ["src/mdns/planted.ts", "../gateway/openers.ts"],
    ["src/gateway/core/planted.ts", "../openers.ts"],
    ["src/platform/planted.ts", "../gateway/openers.ts"],
    ["src/platform/planted.ts", "../client/torrent.ts"],
    ["src/cli/planted.ts", "../client/torrent.ts"],
  ])("refuse that %s imports %s", (file, target) => {
    expect(lint(file, `import { it } from "${target}";\nexport const planted = it;\n`)).toContain(
      restrictedImport,
    );
  });

  it.each([
    ["src/client/core/planted.ts", "../../protocol/bytes.ts"],
    ["src/client/planted.ts", "./core/picker.ts"],
    ["src/client/planted.ts", "../platform/tcp.ts"],
    ["src/client/planted.ts", "./discovery/tracker-http.ts"],
    ["src/platform/planted.ts", "../protocol/ambient.ts"],
    ["src/share.ts", "./client/torrent.ts"],
    ["src/cli/planted.ts", "../share.ts"],
  ])("let %s import %s", (file, target) => {
    expect(lint(file, `import { it } from "${target}";\nexport const planted = it;\n`)).toEqual([]);
  });

  it.each([
    ["src/protocol/planted.ts", "Date.now()"],
    ["src/client/core/planted.ts", "Math.random()"],
    ["src/client/core/planted.ts", "setTimeout(String, 1)"],
  ])("keep time and chance out of %s: %s", (file, expression) => {
    expect(lint(file, `export const planted = ${expression};\n`)).not.toEqual([]);
  });

  it("refuse a circle of imports, even of types alone", () => {
    lint(
      "src/share/there.ts",
      `import type { Here } from "./here.ts";\nexport type There = Here | string;\n`,
    );
    expect(
      lint("src/share/here.ts", `import type { There } from "./there.ts";\nexport type Here = There[];\n`),
    ).toContain("import(no-cycle)");
  });
});
