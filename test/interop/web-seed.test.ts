/** Web seeds that aren't ours, ours for a client that has nothing else, and a publisher of whom only HTTP gets through. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { decodeBencodeDict } from "../../src/protocol/bencode.ts";
import { encodeTorrent } from "../../src/protocol/write-metainfo.ts";
import { Child, run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestTree, makeFolder, noise, scratch } from "../support/data.ts";
import { transmission } from "../support/peers/transmission.ts";

const place = scratch();
const root = at("a folder");
const far = `boojum-far-${process.pid}`;
let running: Child[] = [];

beforeAll(() => {
  mkdirSync(root);
  makeFolder(root, 120);
  writeFileSync(path.join(root, "large.bin"), noise(30_000_000, 5));
});
afterEach(async () => {
  await Promise.all(running.map((child) => child.stop()));
  running = [];
});
afterAll(async () => {
  place.remove();
});

function at(...parts: string[]): string {
  return path.join(place.dir, ...parts);
}

function keep<T extends Child>(child: T): T {
  running.push(child);
  return child;
}

function nginx(name: string, server: string): readonly string[] {
  mkdirSync(at(name));
  writeFileSync(
    at(`${name}.conf`),
    `daemon off; pid ${at(name, "pid")}; error_log stderr; user root; events {}
     http { access_log ${at(name, "log")}; client_body_temp_path ${at(name, "a")}; proxy_temp_path ${at(name, "b")};
       fastcgi_temp_path ${at(name, "c")}; uwsgi_temp_path ${at(name, "d")}; scgi_temp_path ${at(name, "e")};
       server { ${server} } }`,
  );
  return ["/usr/sbin/nginx", "-p", at(name), "-c", at(`${name}.conf`)];
}

async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      await (await fetch(url)).text();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`${url} doesn't answer`);
}

it("downloads from nginx alone, with a torrent by mktorrent", async () => {
  const [command = "", ...args] = nginx(
    "static",
    `listen 10.99.0.20:8090; location / { root ${place.dir}; }`,
  );
  keep(new Child(command, args));
  await answers("http://10.99.0.20:8090/");
  const torrent = at("made.torrent");
  await run("mktorrent", ["-l", "16", "-w", "http://10.99.0.20:8090/", "-o", torrent, root]);
  const out = at("from-nginx");
  const getter = keep(new ShareProcess(["get", torrent, "-o", out, "--no-lan", "--timeout", "30s"]));
  await getter.succeed();
  const { files } = await contents(torrent);
  const copy = await digestTree(path.join(out, "a folder"));
  // mktorrent leaves dotfiles out.
  expect(copy).toEqual(new Map([...(await digestTree(root))].filter(([name]) => files.has(name))));
  const asked = readFileSync(at("static", "log"), "utf8")
    .split("\n")
    .filter((line) => line.includes("Boojum"));
  expect(asked.filter((line) => !/" 206 /.test(line))).toEqual([]);
  expect(asked.length).toBeGreaterThan(100);
});

it("is all that Transmission needs", async () => {
  const publisher = keep(
    new ShareProcess([root, "--bind", "10.99.0.1", "--no-lan", "--cache-dir", at("cache")]),
  );
  const ready = await publisher.event("ready");
  const { port } = await publisher.event("listening");
  const response = await fetch(`http://10.99.0.1:${port}/s/${ready["share"]}.torrent`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { span } = decodeBencodeDict(bytes, "info");
  const torrent = at("seedonly.torrent");
  const webSeeds = [`http://10.99.0.1:${port}/s/${ready["share"]}/seed/`];
  writeFileSync(torrent, encodeTorrent({ info: bytes.subarray(span?.start, span?.end), webSeeds }));
  const job = { torrent, dir: at("by-transmission"), state: at("state"), address: "10.99.0.2", port: 7400 };
  for (const dir of [job.dir, job.state]) mkdirSync(dir);
  keep(await transmission.get(job));
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const expected = [...(await digestTree(root))].filter(([, digest]) => digest !== empty);
  expect(await digestTree(path.join(job.dir, "a folder"))).toEqual(new Map(expected));
});

it("completes from a publisher of whom only HTTP gets through", async () => {
  // Another machine, where the publisher is behind a proxy on its own loopback: no peer can call it, nor it them.
  await run("ip", ["netns", "add", far]);
  try {
    await run("ip", ["link", "add", "far0", "type", "veth", "peer", "name", "far1", "netns", far]);
    await run("ip", ["addr", "add", "10.98.0.1/24", "dev", "far0"]);
    await run("ip", ["link", "set", "far0", "up"]);
    for (const args of [
      ["addr", "add", "10.98.0.2/24", "dev", "far1"],
      ["link", "set", "far1", "up"],
      ["link", "set", "lo", "up"],
    ])
      await run("ip", ["-n", far, ...args]);
    const inside = (command: readonly string[]) => keep(new Child("ip", ["netns", "exec", far, ...command]));
    const cli = new URL("../../dist/cli.cjs", import.meta.url).pathname;
    const publisher = inside([
      process.execPath,
      cli,
      root,
      "--json",
      "--bind",
      "127.0.0.1",
      "--port",
      "6885",
      "--no-lan",
      "--cache-dir",
      at("far-cache"),
    ]);
    const ready = await publisher.until(({ stdout }) => stdout.find((line) => line.includes('"ready"')));
    inside(
      nginx(
        "front",
        "listen 10.98.0.2:8080; location / { proxy_pass http://127.0.0.1:6885; proxy_set_header Host $http_host; proxy_buffering off; }",
      ),
    );
    await answers("http://10.98.0.2:8080/");
    const { share } = JSON.parse(ready) as { share: string };
    const out = at("through-http");
    const url = `http://10.98.0.2:8080/s/${share}`;
    const getter = keep(new ShareProcess(["get", url, "-o", out, "--no-lan", "--timeout", "30s"]));
    await getter.succeed();
    expect(await digestTree(path.join(out, "a folder"))).toEqual(await digestTree(root));
    expect(getter.events.filter(({ event, peers }) => event === "progress" && peers !== 0)).toEqual([]);
  } finally {
    await Promise.all(running.map((child) => child.stop()));
    await run("ip", ["netns", "del", far]);
  }
});

async function contents(torrent: string): Promise<{ readonly files: ReadonlySet<string> }> {
  const cli = new URL("../../dist/cli.cjs", import.meta.url).pathname;
  const shown = JSON.parse(await run(process.execPath, [cli, "info", torrent, "--json"])) as {
    readonly files: readonly { readonly path: string }[];
  };
  return { files: new Set(shown.files.map((file) => file.path)) };
}
