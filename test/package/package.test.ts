/** What a user installs: the packed tarball, in an empty folder, without any other package. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Child, run } from "../support/child.ts";
import { digestTree, makeFolder, scratch } from "../support/data.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const place = scratch();
let tarball: string;

beforeAll(async () => {
  const packed = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", place.dir], {
    cwd: root,
  });
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  tarball = path.join(place.dir, filename);
  writeFileSync(
    path.join(place.dir, "package.json"),
    '{ "name": "empty", "private": true, "type": "module" }',
  );
  // Offline and from nowhere: the package must bring all it needs.
  await run(
    "npm",
    ["install", "--offline", "--registry=http://127.0.0.1:1", "--no-audit", "--no-fund", tarball],
    {
      cwd: place.dir,
    },
  );
}, 120_000);
afterAll(() => place.remove());

describe("the packed package", () => {
  it("is small and brings only what is used", () => {
    expect(statSync(tarball).size).toBeLessThan(1_000_000);
    expect(readdirSync(path.join(place.dir, "node_modules")).filter((name) => !name.startsWith("."))).toEqual(
      ["boojum"],
    );
    expect(readdirSync(path.join(place.dir, "node_modules/boojum")).sort()).toEqual(
      [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "dist",
        "examples",
        "package.json",
        "packaging",
      ].sort(),
    );
  });

  it("gives working `share` and `boojum` commands", async () => {
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
      version: string;
    };
    for (const command of ["share", "boojum"]) {
      expect(await run(path.join(place.dir, "node_modules/.bin", command), ["--version"])).toContain(version);
    }
  });

  it("publishes and gets a folder by the installed command", async () => {
    makeFolder(path.join(place.dir, "folder"), 20);
    const share = path.join(place.dir, "node_modules/.bin/share");
    const cache = ["--cache-dir", path.join(place.dir, "cache")];
    const publisher = new Child(share, ["./folder", "--json", "--bind", "127.0.0.1", ...cache], {
      cwd: place.dir,
    });
    try {
      const ready = await publisher.until(({ stdout }) => stdout.find((line) => line.includes('"ready"')));
      const { url } = JSON.parse(ready) as { url: string };
      await run(share, ["get", url, "--json", "-o", path.join(place.dir, "out")], { cwd: place.dir });
      expect(await digestTree(path.join(place.dir, "out/folder"))).toEqual(
        await digestTree(path.join(place.dir, "folder")),
      );
    } finally {
      await publisher.stop();
    }
  });

  it("is a library with types", async () => {
    const script = path.join(place.dir, "use.ts");
    writeFileSync(
      script,
      `import { get, publish } from "boojum";
       const publication = await publish(["./folder"], { bind: ["127.0.0.1"], cacheDir: "./cache" });
       const wrong: number = publication; // a real type: this line must be refused
       export { get, wrong };`,
    );
    const compiler = path.join(root, "node_modules/typescript/bin/tsc");
    const check = new Child(process.execPath, [
      compiler,
      "--noEmit",
      "--ignoreConfig",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2023",
      script,
    ]);
    await check.end();
    const complaints = check.stdout.filter((line) => line.includes("error TS"));
    expect(complaints, complaints.join("\n")).toHaveLength(1);
    expect(complaints[0]).toContain("use.ts(3,");
  });
});
