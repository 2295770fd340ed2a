import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { doJob, type JobPart, versionAt } from "../../../src/client/storage/piece-job.ts";
import { LossyFiles } from "../../support/lossy-files.ts";

const data = new TextEncoder().encode("the whole of a piece");
const sha1 = createHash("sha1").update(data).digest("hex");
const text = (path: string) => new TextDecoder().decode(disk.bytes(path));

let disk: LossyFiles;
/** What the disk refuses: the first operation on a path that begins so. */
let refused: { readonly operation: string; readonly path: string } | undefined;
beforeEach(() => {
  refused = undefined;
  disk = new LossyFiles({
    before(operation, path) {
      if (operation === refused?.operation && path === refused.path)
        throw Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC" });
    },
  });
});

const part = (path: string, at: number, length: number): JobPart => ({
  ...{ at, length, offset: 0, path },
  mode: "createNew",
});

describe("a piece that another thread checks and writes", () => {
  it("goes into its files, those that are open and those that aren't", () => {
    const descriptor = disk.openSync("/open", "createNew");
    disk.writeSync(descriptor, new TextEncoder().encode("before "), 0);
    const parts: JobPart[] = [
      { descriptor, at: 0, length: 10, offset: 7 },
      part("/first", 10, 3),
      part("/second", 13, 7),
    ];
    const seen = (path: string) => {
      const { size, mtimeNs, ctimeNs, inode } = disk.lstatSync(path) ?? {};
      return { size, mtimeNs, ctimeNs, inode };
    };
    const answer = doJob(disk, { data, sha1, parts });
    if (answer.kind !== "stored") throw new Error(answer.kind);
    expect(versionAt(answer.left, 0)).toEqual(seen("/first"));
    expect(versionAt(answer.left, 1)).toEqual(seen("/second"));
    expect(answer.left).toHaveLength(8);
    expect([text("/open"), text("/first"), text("/second")]).toEqual(["before the whole ", "of ", "a piece"]);
    expect(disk.openCount).toBe(1);
  });

  it("is not written when it isn't right: no file is made", () => {
    const wrong = data.slice();
    wrong[4] = 0;
    expect(doJob(disk, { data: wrong, sha1, parts: [part("/first", 0, 20)] })).toEqual({ kind: "corrupt" });
    expect(disk.paths()).toEqual([]);
  });

  it.each([
    ["open", false],
    ["write", true],
  ])("says how far it came when the disk refuses to %s", (operation, isOpened) => {
    refused = { operation, path: "/second" };
    const parts = [part("/first", 0, 3), part("/second", 3, 7), part("/third", 10, 10)];
    expect(doJob(disk, { data, sha1, parts })).toEqual({
      ...{ kind: "failed", part: 1, isOpened, code: "ENOSPC" },
      message: "ENOSPC: no space",
    });
    expect(text("/first")).toBe("the");
    expect(disk.openCount).toBe(0);
  });

  it("goes on where the system took less than it was given, and gives up when it takes nothing", () => {
    const write = disk.writeSync.bind(disk);
    disk.writeSync = (descriptor, bytes, at) => write(descriptor, bytes.subarray(0, 6), at);
    expect(doJob(disk, { data, sha1, parts: [part("/first", 0, 20)] })).toMatchObject({ kind: "stored" });
    expect(text("/first")).toBe("the whole of a piece");
    disk.writeSync = () => 0;
    expect(doJob(disk, { data, sha1, parts: [part("/second", 0, 20)] })).toMatchObject({
      ...{ kind: "failed", part: 0, isOpened: true, code: undefined },
    });
  });

  it("is never written to what took the place of a file", () => {
    disk.mkdirSync("/folder");
    const stat = disk.fstatSync.bind(disk);
    disk.fstatSync = (descriptor) => ({ ...stat(descriptor), kind: "other" });
    disk.closeSync(disk.openSync("/pipe", "createNew"));
    const answer = doJob(disk, { data, sha1, parts: [{ ...part("/pipe", 0, 20), mode: "update" }] });
    expect(answer).toMatchObject({ kind: "failed", isOpened: false, code: "ENXIO" });
    expect(text("/pipe")).toBe("");
    expect(disk.openCount).toBe(0);
  });
});
