/** The built command as a user meets it: publish and get, events, exit codes, interruptions. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { commandPath, type ShareProcess } from "../support/command.ts";
import { digestFile, digestTree, makeFolder, noise } from "../support/data.ts";
import { useStage } from "../support/stage.ts";

const { at, share, plain, run, publish, get } = useStage();

async function urlOf(publisher: ShareProcess): Promise<string> {
  return String((await publisher.event("ready"))["url"]);
}

function oneFile(bytes: number, name = "file.bin"): string {
  writeFileSync(at(name), noise(bytes, bytes));
  return at(name);
}

function kinds(child: ShareProcess): string[] {
  return child.events.map(({ event }) => event);
}

describe("publish and get", () => {
  it("move a folder, equal to the last byte, and tell of it as promised", async () => {
    makeFolder(at("folder"), 40);
    const publisher = publish("folder");
    const url = await urlOf(publisher);
    const getter = get(url);
    expect(await getter.end()).toBe(0);
    expect(await digestTree(at("out/folder"))).toEqual(await digestTree(at("folder")));
    expect(readdirSync(at("out"))).toEqual(["folder"]);

    await publisher.until(() => publisher.events.find((event) => event["state"] === "left"));
    expect(await publisher.stop("SIGINT")).toBe(0);
    checkPublisherEvents(publisher, url);
    checkGetterEvents(getter, publisher);
    expect(getter.stderr).toEqual([]);
    expect(publisher.stderr).toEqual([]);
  });

  it("move one file, and a share of the size of one byte", async () => {
    const publisher = publish(oneFile(1), oneFile(100_001, "other.bin"));
    await publisher.until(() =>
      publisher.events.filter(({ event }) => event === "ready").length === 2 ? 1 : undefined,
    );
    for (const ready of publisher.events.filter(({ event }) => event === "ready")) {
      expect(await get(String(ready["url"])).end()).toBe(0);
      const name = String(ready["name"]);
      expect(await digestFile(at("out", name))).toBe(await digestFile(at(name)));
    }
  });

  it("gives the second share of one name a name of its own", async () => {
    mkdirSync(at("a/same"), { recursive: true });
    mkdirSync(at("b/same"), { recursive: true });
    writeFileSync(at("a/same/x"), "a");
    writeFileSync(at("b/same/x"), "b");
    const publisher = publish("a/same", "b/same");
    const { shares } = (await publisher.event("listening")) as unknown as { shares: { name: string }[] };
    expect(shares.map(({ name }) => name)).toEqual(["same", "same (2)"]);
  });

  it("writes only what is selected", async () => {
    mkdirSync(at("folder/sub"), { recursive: true });
    writeFileSync(at("folder/a.txt"), "text");
    writeFileSync(at("folder/b.bin"), noise(50_000, 1));
    writeFileSync(at("folder/sub/c.txt"), "more text");
    const url = await urlOf(publish("folder"));
    const getter = get(url, "--select", "*.txt");
    expect(await getter.end()).toBe(0);
    expect([...(await digestTree(at("out"))).keys()].sort()).toEqual(["folder/a.txt", "folder/sub/c.txt"]);
    expect(getter.lastEvent("done")).toMatchObject({ bytes: 13 });
    expect(await get(url, "--select", "*.none").end()).not.toBe(0);
  });

  it("verifies a complete copy and is done at once, without any peer", async () => {
    const publisher = publish(oneFile(300_000));
    const url = await urlOf(publisher);
    expect(await get(url).end()).toBe(0);
    const torrent = await (await fetch(`${url}.torrent`)).arrayBuffer();
    writeFileSync(at("file.torrent"), new Uint8Array(torrent));
    await publisher.stop();
    const again = get("file.torrent");
    expect(await again.end()).toBe(0);
    expect(again.events[0]).toMatchObject({ event: "started", resumedBytes: 300_000 });
    expect(kinds(again)).toEqual(["started", "done"]);
  });
});

function checkPublisherEvents(publisher: ShareProcess, url: string): void {
  const id = url.slice(-8);
  const base = url.slice(0, -"/s/12345678".length);
  const [listening] = publisher.events;
  const port = Number(new URL(url).port);
  expect(id).toMatch(/^[2-9a-hjkmnp-z]{8}$/);
  expect(listening).toEqual({
    event: "listening",
    port,
    urls: [base],
    shares: [{ share: id, name: "folder", url }],
  });
  expect(kinds(publisher).indexOf("hashing")).toBeGreaterThan(0);
  expect(kinds(publisher).indexOf("ready")).toBeGreaterThan(kinds(publisher).lastIndexOf("hashing"));
  const hashing = publisher.events.filter(({ event }) => event === "hashing");
  expect(hashing.at(-1)).toMatchObject({ share: id, bytesDone: expect.any(Number) });
  const done = hashing.map(({ bytesDone }) => bytesDone);
  expect(done).toEqual([...new Set(done)]);
  expect(publisher.lastEvent("ready")).toEqual({
    event: "ready",
    share: id,
    name: "folder",
    url,
    torrentUrl: `${url}.torrent`,
    magnet: expect.stringMatching(/^magnet:\?xt=urn:btih:[0-9a-f]{40}&dn=folder/),
    infoHash: expect.stringMatching(/^[0-9a-f]{40}$/),
    files: 41,
    bytes: expect.any(Number),
    pieceLength: 16_384,
  });
  const peers = publisher.events.filter(({ event }) => event === "peer");
  expect(peers.map((peer) => peer["state"])).toEqual(["joined", "completed", "left"]);
  expect(peers[1]).toEqual({
    event: "peer",
    share: id,
    state: "completed",
    address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    client: expect.stringMatching(/^Boojum/),
    progress: 1,
  });
  expect(kinds(publisher).at(-1)).toBe("stopped");
}

function checkGetterEvents(getter: ShareProcess, publisher: ShareProcess): void {
  const ready = publisher.lastEvent("ready");
  expect(getter.events[0]).toEqual({
    event: "started",
    infoHash: ready?.["infoHash"],
    name: "folder",
    bytes: ready?.["bytes"],
    files: 41,
    resumedBytes: 0,
  });
  expect(getter.lastEvent("progress")).toEqual({
    event: "progress",
    bytesDone: ready?.["bytes"],
    bytesTotal: ready?.["bytes"],
    downRate: expect.any(Number),
    upRate: expect.any(Number),
    peers: expect.any(Number),
    webSeeds: expect.any(Number),
    etaSeconds: 0,
  });
  expect(getter.events.at(-1)).toEqual({
    event: "done",
    path: at("out/folder"),
    bytes: ready?.["bytes"],
    seconds: expect.any(Number),
    infoHash: ready?.["infoHash"],
  });
}

describe("stopping and starting again", () => {
  it("gives the same URL again, and another port when that one is taken", async () => {
    const file = oneFile(1_000);
    // Ports of its own: other tests that run now take the first one that is free, even between two of these.
    const again = () => publish(file, "--min-port", "27100", "--max-port", "27119");
    const first = again();
    const url = await urlOf(first);
    await first.stop();
    const second = again();
    expect(await urlOf(second)).toBe(url);
    const third = await urlOf(again());
    expect(third.slice(-8)).toBe(url.slice(-8));
    expect(new URL(third).port).not.toBe(new URL(url).port);
  });

  it("continues after a SIGINT, which saves what is there and ends with 130", async () => {
    const publisher = publish(oneFile(4_000_000), "--limit-up", "2MB/s");
    const url = await urlOf(publisher);
    const getter = get(url);
    await getter.until(() => getter.events.find((event) => Number(event["bytesDone"]) > 500_000));
    const before = Date.now();
    getter.process.kill("SIGINT");
    expect(await getter.end()).toBe(130);
    expect(Date.now() - before).toBeLessThan(3_000);
    expect(getter.events.at(-1)).toMatchObject({ event: "error", code: "interrupted" });
    // The publisher hears of it by the announce, not by the connection's end alone.
    await publisher.until(() => publisher.events.find((event) => event["state"] === "left"), 5_000);
    const again = get(url);
    expect(await again.end()).toBe(0);
    expect(Number(again.events[0]?.["resumedBytes"])).toBeGreaterThan(500_000);
    expect(await digestFile(at("out/file.bin"))).toBe(await digestFile(at("file.bin")));
  });

  it("continues after a kill, fetching again no more than was in flight", async () => {
    const total = 6_000_000;
    const publisher = publish(oneFile(total), "--limit-up", "3MB/s");
    const url = await urlOf(publisher);
    const getter = get(url);
    const half = await getter.until(() =>
      getter.events.find((event) => Number(event["bytesDone"]) > total / 2),
    );
    getter.process.kill("SIGKILL");
    await getter.end();
    const again = get(url);
    expect(await again.end()).toBe(0);
    // Pieces are verified one by one: what the last progress line claimed must be there still.
    expect(Number(again.events[0]?.["resumedBytes"])).toBeGreaterThanOrEqual(Number(half["bytesDone"]));
    expect(await digestFile(at("out/file.bin"))).toBe(await digestFile(at("file.bin")));
    const counted = publisher.stdout.length;
    await publisher.until(({ stdout }) => stdout.slice(counted).find((line) => line.includes('"stats"')));
    expect(Number(publisher.lastEvent("stats")?.["uploaded"])).toBeLessThan(total + 2_000_000);
  });

  it("waits 2 s at most for a tracker that doesn't answer, and not at all after a second signal", async () => {
    const publisher = publish(oneFile(4_000_000), "--limit-up", "200KB/s");
    const url = await urlOf(publisher);
    const [patient, hasty] = [get(url), share("get", url, "-o", at("elsewhere"))];
    await Promise.all([patient.event("progress"), hasty.event("progress")]);
    publisher.process.kill("SIGSTOP");
    const began = Date.now();
    patient.process.kill("SIGINT");
    hasty.process.kill("SIGINT");
    await sleep(300);
    hasty.process.kill("SIGTERM");
    expect(await hasty.end()).toBe(130);
    expect(Date.now() - began).toBeLessThan(1_500);
    expect(await patient.end()).toBe(130);
    expect(Date.now() - began).toBeGreaterThan(1_500);
    expect(Date.now() - began).toBeLessThan(3_500);
  });

  it("seeds for as long as it is told", async () => {
    const url = await urlOf(publish(oneFile(100_000)));
    const started = Date.now();
    const getter = get(url, "--seed-for", "2s");
    await getter.event("done");
    const doneAfter = Date.now() - started;
    expect(await getter.end()).toBe(0);
    expect(Date.now() - started - doneAfter).toBeGreaterThan(1_500);
  });
});

describe("what can't be", () => {
  it("leaves a file alone that is there and differs, and replaces it when told", async () => {
    const url = await urlOf(publish(oneFile(100_000)));
    mkdirSync(at("out"));
    writeFileSync(at("out/file.bin"), "precious");
    const refused = get(url);
    expect(await refused.end()).toBe(1);
    expect(refused.events.at(-1)).toMatchObject({ event: "error", code: "output-exists" });
    expect(readFileSync(at("out/file.bin"), "utf8")).toBe("precious");
    expect(await get(url, "--overwrite").end()).toBe(0);
    expect(await digestFile(at("out/file.bin"))).toBe(await digestFile(at("file.bin")));
  });

  it("ends with 5 when nobody has the data", async () => {
    const publisher = publish(oneFile(100_000));
    const url = await urlOf(publisher);
    writeFileSync(at("file.torrent"), new Uint8Array(await (await fetch(`${url}.torrent`)).arrayBuffer()));
    await publisher.stop();
    const getter = get("file.torrent", "--timeout", "1s");
    expect(await getter.end()).toBe(5);
    expect(getter.events.at(-1)).toMatchObject({ event: "error", code: "timeout" });
  });

  it("ends with 4 when the target can't be written", async () => {
    const url = await urlOf(publish(oneFile(100_000)));
    writeFileSync(at("out"), "a file where a folder should be");
    expect(await get(url).end()).toBe(4);
  });

  it("ends with 1 when there is nothing to publish or nobody to ask", async () => {
    const missing = plain("nothing-here");
    expect(await missing.end()).toBe(1);
    expect(missing.stderr.join("\n")).toMatch(
      /^error: Can't publish ".*nothing-here": there is no such file/,
    );
    expect(missing.stderr.join("\n")).not.toMatch(/^\s+at /m);
    const nobody = share("get", "http://127.0.0.1:9/s/abc", "-o", at("out"));
    expect(await nobody.end()).toBe(1);
    expect(nobody.events).toEqual([
      { event: "error", code: "fetch", message: expect.stringContaining("Nobody listens at 127.0.0.1:9") },
    ]);
    expect(existsSync(at("out"))).toBe(false);
  });

  it("ends with 2 when the command line makes no sense, and suggests what was meant", async () => {
    const wrong = plain("get", "http://127.0.0.1:9/", "--overwrit");
    expect(await wrong.end()).toBe(2);
    expect(wrong.stderr.join("\n")).toMatch(/unknown option '--overwrit'[\s\S]*--overwrite/);
    for (const args of [
      [],
      ["get"],
      ["get", "magnet:?xt=urn:btih:0"],
      [".", "--webrtc"],
      [".", "--limit-up", "0"],
    ]) {
      expect(await plain(...args).end(), args.join(" ")).toBe(2);
    }
    const asked = share("--piece-size", "5KB", ".");
    expect(await asked.end()).toBe(2);
    expect(asked.events).toEqual([
      { event: "error", code: "usage", message: expect.stringContaining("5KB") },
    ]);
  });

  it("gives the files that didn't change since they were hashed, and tells of each other one once", async () => {
    mkdirSync(at("changing"));
    for (const name of ["a", "b", "c"])
      writeFileSync(at("changing", name), noise(1_048_576, name.charCodeAt(0)));
    const publisher = publish("changing");
    const url = await urlOf(publisher);
    rmSync(at("changing", "a"));
    writeFileSync(at("changing", "b"), noise(1_048_576, 1));
    expect(await get(url, "--timeout", "4").end()).toBe(5);
    expect(await digestFile(at("out", "changing", "c"))).toBe(await digestFile(at("changing", "c")));
    const told = publisher.events.filter(({ code }) => code === "unreadable");
    expect(told.map(({ message }) => /changing\/(.)/.exec(String(message))?.[1]).sort()).toEqual(["a", "b"]);
  });

  it("publishes with --open where there is no browser", async () => {
    const file = oneFile(1_000);
    const child = run(
      process.execPath,
      [commandPath, file, "--open", "--bind", "127.0.0.1", "--cache-dir", at("cache")],
      { env: { PATH: at() } },
    );
    await child.until(() => child.stderr.find((line) => line.includes("can't be opened here")));
    await child.until(() => child.stderr.find((line) => line.startsWith("ready")));
    expect(await child.stop("SIGINT")).toBe(0);
  });

  it("says clearly that the port which was asked for is taken", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const address = blocker.address();
    const taken = typeof address === "object" ? String(address?.port) : "";
    const publisher = publish(oneFile(1_000), "--port", taken);
    expect(await publisher.end()).toBe(1);
    expect(publisher.events).toEqual([
      { event: "error", code: "listen", message: expect.stringContaining(taken) },
    ]);
    await new Promise((resolve) => blocker.close(resolve));
  });
});

describe("info and create", () => {
  it("write a torrent that shows what is in the folder", async () => {
    mkdirSync(at("folder/sub"), { recursive: true });
    writeFileSync(at("folder/run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(at("folder/sub/x.bin"), noise(40_000, 2));
    const creator = share(
      "create",
      "folder",
      "--tracker",
      "http://tracker.example/announce",
      "-o",
      at("x.torrent"),
    );
    expect(await creator.end()).toBe(0);
    expect(creator.lastEvent("created")).toEqual({
      event: "created",
      path: at("x.torrent"),
      infoHash: expect.stringMatching(/^[0-9a-f]{40}$/),
      bytes: 40_010,
      files: 2,
      pieceLength: 16_384,
    });
    const info = share("info", at("x.torrent"));
    expect(await info.end()).toBe(0);
    expect(JSON.parse(info.stdout[0] ?? "")).toEqual({
      name: "folder",
      infoHash: creator.lastEvent("created")?.["infoHash"],
      bytes: 40_010,
      pieceLength: 16_384,
      pieces: 3,
      private: false,
      createdBy: expect.stringMatching(/^Boojum/),
      trackers: [["http://tracker.example/announce"]],
      webSeeds: [],
      files: [
        { path: "run.sh", bytes: 10, offset: 0, executable: true },
        { path: "sub/x.bin", bytes: 40_000, offset: 10 },
      ],
      magnet: expect.stringContaining("magnet:?xt=urn:btih:"),
      warnings: [],
    });
  });

  it("refuse a torrent that must not be used", async () => {
    writeFileSync(at("bad.torrent"), "d4:infodee");
    for (const command of ["info", "get"]) {
      const child = share(command, at("bad.torrent"));
      expect(await child.end()).toBe(1);
      expect(child.events).toEqual([{ event: "error", code: "metainfo", message: expect.any(String) }]);
    }
  });

  it("escape what a stranger wrote", async () => {
    const name = "x\u001b]52;c;aGk=\u0007\r";
    writeFileSync(
      at("evil.torrent"),
      Buffer.from(
        `d4:infod6:lengthi1e4:name${Buffer.byteLength(name)}:${name}12:piece lengthi16384e6:pieces20:${"a".repeat(20)}ee`,
      ),
    );
    const child = plain("info", at("evil.torrent"));
    await child.end();
    const shown = [...child.stdout, ...child.stderr].join("\n");
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
    expect(shown).toContain("x");
  });
});

describe("for people and pipes", () => {
  it("prints the URL on stdout and the rest on stderr, without colours or cursor movements", async () => {
    const publisher = plain(oneFile(50_000), "--bind", "127.0.0.1", "--cache-dir", at("cache"));
    await publisher.until(({ stderr }) => stderr.find((line) => line.startsWith("ready")));
    expect(publisher.stdout).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/s\/\w{8}$/)]);
    const getter = plain("get", publisher.stdout[0] ?? "", "-o", at("out"));
    expect(await getter.end()).toBe(0);
    expect(getter.stdout).toEqual([at("out/file.bin")]);
    expect(getter.stderr[0]).toMatch(/^file\.bin {2}1 file, 50\.0 KB$/);
    expect([...publisher.stderr, ...getter.stderr].join("")).not.toContain("\u001b");
    expect(await publisher.stop("SIGTERM")).toBe(0);
  });

  it("ends cleanly when whoever reads its output has gone", async () => {
    oneFile(50_000);
    const script = `"${process.execPath}" "${commandPath}" file.bin --json --bind 127.0.0.1 --cache-dir cache | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const shell = run("bash", ["-c", script]);
    await shell.end(10_000);
    expect(shell.stdout[1]).toBe("0");
    expect(shell.stderr).toEqual([]);
  });

  it("ends cleanly when its output goes to a disk that is full", async () => {
    oneFile(50_000);
    const script = `"${process.execPath}" "${commandPath}" file.bin --bind 127.0.0.1 --cache-dir cache >/dev/full; echo $?`;
    const shell = run("bash", ["-c", script]);
    await shell.end(10_000);
    expect(shell.stdout).toEqual(["1"]);
    expect(shell.stderr.at(-1)).toMatch(/^error: Standard output can't be written: ENOSPC/);
  });

  it("answers help and version without loading the engine", async () => {
    const help = plain("--help");
    expect(await help.end()).toBe(0);
    expect(help.stdout.length).toBeLessThanOrEqual(24);
    expect(Math.max(...help.stdout.map((line) => line.length))).toBeLessThanOrEqual(80);
    const version = plain("--version");
    expect(await version.end()).toBe(0);
    const { version: expected } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    ) as {
      version: string;
    };
    expect(version.stdout).toEqual([expected]);
  });
});

describe("the page's files", () => {
  it("come by curl: the torrent with its type, a file, and a range of it", async () => {
    mkdirSync(at("folder"));
    writeFileSync(at("folder/file one.bin"), noise(100_000, 3));
    const url = await urlOf(publish("folder"));
    const torrent = await fetch(`${url}.torrent`);
    expect(torrent.headers.get("content-type")).toBe("application/x-bittorrent");
    const file = await fetch(`${url}/files/file%20one.bin`);
    expect(Buffer.compare(new Uint8Array(await file.arrayBuffer()), noise(100_000, 3))).toBe(0);
    const range = await fetch(`${url}/files/file%20one.bin`, { headers: { range: "bytes=500-599" } });
    expect(range.status).toBe(206);
    expect(Buffer.compare(new Uint8Array(await range.arrayBuffer()), noise(100_000, 3).slice(500, 600))).toBe(
      0,
    );
  });
});

describe("a publisher without limits", () => {
  it("keeps no handle when it stops while hashing", async () => {
    oneFile(60_000_000);
    const publisher = publish("file.bin");
    await publisher.event("hashing");
    expect(await publisher.stop("SIGINT")).toBe(0);
    expect(kinds(publisher).at(-1)).toBe("stopped");
    expect(kinds(publisher)).not.toContain("ready");
    await sleep(0);
    expect(statSync(at("file.bin")).size).toBe(60_000_000);
  });
});
