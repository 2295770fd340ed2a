import { describe, expect, it } from "vitest";
import { type Openable, OpenFiles } from "../../../src/client/storage/open-files.ts";
import { readPlaces, writePlaces } from "../../../src/client/storage/span-io.ts";
import { type FileSystem, systemFiles } from "../../../src/platform/file-system.ts";
import { Pace } from "../../../src/platform/pace.ts";

/** A system with so many descriptors; opens fail with EMFILE beyond them. */
function machine(descriptors = 1000) {
  const open = new Set<number>();
  let next = 10;
  const fs: FileSystem = {
    ...systemFiles,
    closeSync(descriptor) {
      if (!open.delete(descriptor)) throw new Error(`closed twice: ${descriptor}`);
    },
  };
  const make = (): number => {
    if (open.size >= descriptors) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
    next++;
    open.add(next);
    return next;
  };
  const file = (): Openable & { opened: number } => ({
    opened: 0,
    async open() {
      this.opened++;
      await Promise.resolve();
      return make();
    },
    openSync() {
      this.opened++;
      return make();
    },
  });
  return { fs, open, file };
}

describe("open files", () => {
  it("keeps a descriptor for the next use", () => {
    const { fs, file } = machine();
    const files = new OpenFiles(2, fs);
    const a = file();
    files.borrowSync(a).release();
    files.borrowSync(a).release();
    expect(a.opened).toBe(1);
  });

  it("closes the one that was used longest ago when there are more than the limit", () => {
    const { fs, open, file } = machine();
    const files = new OpenFiles(2, fs);
    const [a, b, c] = [file(), file(), file()];
    files.borrowSync(a).release();
    files.borrowSync(b).release();
    files.borrowSync(a).release();
    files.borrowSync(c).release();
    expect(open.size).toBe(2);
    files.borrowSync(a).release();
    expect([a.opened, b.opened]).toEqual([1, 1]);
    files.borrowSync(b).release();
    expect(b.opened).toBe(2);
  });

  it("never closes a descriptor that is lent, and closes a dropped one after its last use", () => {
    const { fs, open, file } = machine();
    const files = new OpenFiles(1, fs);
    const [a, b] = [file(), file()];
    const first = files.borrowSync(a);
    const second = files.borrowSync(a);
    files.borrowSync(b).release();
    expect(open.has(first.descriptor)).toBe(true);
    files.drop(a);
    first.release();
    first.release();
    expect(open.has(second.descriptor)).toBe(true);
    second.release();
    expect(open.has(second.descriptor)).toBe(false);
  });

  it("keeps what nobody uses although more than the limit are in use", async () => {
    const { fs, open, file } = machine();
    const files = new OpenFiles(2, fs);
    const folder = file();
    const loans = [];
    for (let i = 0; i < 10; i++) {
      files.borrowSync(folder).release();
      loans.push(i % 2 === 0 ? files.borrowSync(file()) : await files.borrow(file()));
    }
    expect(folder.opened).toBe(1);
    expect(open.size).toBe(11);
    for (const loan of loans) loan.release();
    expect(open.size).toBe(2);
    // And what was dropped while it was in use counts no more.
    const gone = file();
    const loan = files.borrowSync(gone);
    files.drop(gone);
    loan.release();
    for (let i = 0; i < 3; i++) files.borrowSync(file()).release();
    expect(open.size).toBe(2);
  });

  it("opens a file once for all who wait for it", async () => {
    const { fs, file } = machine();
    const files = new OpenFiles(4, fs);
    const a = file();
    const loans = await Promise.all([files.borrow(a), files.borrow(a), files.borrow(a)]);
    expect(a.opened).toBe(1);
    expect(new Set(loans.map((loan) => loan.descriptor)).size).toBe(1);
  });

  it("keeps one descriptor when a synchronous use overtakes a waiting one", async () => {
    const { fs, open, file } = machine();
    const files = new OpenFiles(4, fs);
    const a = file();
    const waiting = files.borrow(a);
    const now = files.borrowSync(a);
    expect((await waiting).descriptor).toBe(now.descriptor);
    expect(open.size).toBe(1);
  });

  it("hands out valid descriptors when files push each other out while they are opened", async () => {
    const { fs, open, file } = machine();
    const files = new OpenFiles(1, fs);
    const all = Array.from({ length: 20 }, file);
    await Promise.all(
      all.map(async (one) => {
        const loan = await files.borrow(one);
        expect(open.has(loan.descriptor)).toBe(true);
        await Promise.resolve();
        expect(open.has(loan.descriptor)).toBe(true);
        loan.release();
      }),
    );
    expect(open.size).toBeLessThanOrEqual(1);
  });

  it("lives with what there is when the system has fewer descriptors than the limit", async () => {
    const { fs, open, file } = machine(5);
    const files = new OpenFiles(64, fs);
    for (let i = 0; i < 20; i++) {
      files.borrowSync(file()).release();
      (await files.borrow(file())).release();
    }
    expect(open.size).toBeLessThanOrEqual(5);
    expect(files.limit).toBeLessThan(5);
  });

  it("passes the error on when nothing can be given back", () => {
    const { fs, file } = machine(1);
    const files = new OpenFiles(8, fs);
    files.borrowSync(file());
    expect(() => files.borrowSync(file())).toThrow("too many open files");
  });

  describe("when all descriptors are in use", () => {
    /** A file in a folder that is opened first, as all targets are, on a machine where two more are taken. */
    function crowded() {
      const { fs, file, open } = machine(3);
      const files = new OpenFiles(8, fs);
      const taken = [files.borrowSync(file()), files.borrowSync(file())];
      const folder = file();
      const inFolder = file();
      const { openSync } = inFolder;
      inFolder.openSync = () => {
        if (inFolder.opened > 50) throw new Error("it goes round in circles");
        const loan = files.borrowSync(folder);
        try {
          return openSync.call(inFolder);
        } finally {
          loan.release();
        }
      };
      inFolder.open = async () => inFolder.openSync();
      return { fs, open, files, taken, inFolder };
    }

    it("says so at once to whoever can't wait, rather than close and open the folder for ever", () => {
      const { files, inFolder } = crowded();
      expect(() => files.borrowSync(inFolder)).toThrow("too many open files");
    });

    it("has others wait until one comes back", async () => {
      const { files, taken, inFolder } = crowded();
      const waiting = files.borrow(inFolder);
      await new Promise(setImmediate);
      expect(inFolder.opened).toBeLessThan(10);
      const [first] = taken;
      first?.release();
      expect((await waiting).descriptor).toBeGreaterThan(0);
    });

    it("waits for nothing that is lent for long", async () => {
      const { fs, file } = machine(1);
      const files = new OpenFiles(8, fs);
      const long = await files.borrowForLong(file());
      await expect(files.borrow(file())).rejects.toThrow("too many open files");
      long.release();
      long.release();
      (await files.borrow(file())).release();
    });

    it("writes and reads when one comes back", async () => {
      const { fs: closing, files, taken, inFolder } = crowded();
      const done: string[] = [];
      const fs: FileSystem = {
        ...closing,
        write: async (_, bytes) => {
          done.push("written");
          return bytes.length;
        },
        readv: async (_, targets) => {
          done.push("read");
          return targets[0]?.length ?? 0;
        },
      };
      const io = {
        fs,
        openFiles: files,
        pace: new Pace({ now: () => 0, after: () => ({ cancel() {} }) }, () => 0),
      };
      const place = { file: Object.assign(inFolder, { path: "/a" }), offset: 0, length: 4 };
      const written = writePlaces(io, [place], new Uint8Array(4));
      const read = readPlaces(io, [place], [new Uint8Array(4)]);
      await new Promise(setImmediate);
      expect(done).toEqual([]);
      taken[0]?.release();
      await Promise.all([written, read]);
      expect(done.toSorted()).toEqual(["read", "written"]);
    });
  });

  it("tries again after a failure", () => {
    const { fs } = machine();
    const files = new OpenFiles(8, fs);
    let fails = true;
    const moody: Openable = {
      open: () => Promise.reject(new Error("not used")),
      openSync: () => {
        if (fails) throw new Error("not yet");
        return 77;
      },
    };
    expect(() => files.borrowSync(moody)).toThrow("not yet");
    fails = false;
    expect(files.borrowSync(moody).descriptor).toBe(77);
  });
});
