/** Behind Debian's nginx, configured as the README says. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { toLatin1 } from "../../src/protocol/bytes.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { Child } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";

const FRONT = "10.99.0.20:8080";
const place = scratch();
const running: Child[] = [];
let publisher: ShareProcess;
let id: string;
let port: number;

function at(...parts: string[]): string {
  return path.join(place.dir, ...parts);
}

/** As somebody at `from` asks; the body one character a byte. */
function ask(
  url: string,
  from: string,
  headers: Record<string, string> = {},
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { localAddress: from, headers, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () =>
        resolve({ status: answer.statusCode, body: Buffer.concat(parts).toString("latin1") }),
      );
    });
    asked.on("error", reject).end();
  });
}

beforeAll(async () => {
  writeFileSync(at("file.bin"), noise(1_000_000, 1));
  publisher = new ShareProcess(
    [at("file.bin"), "--bind", "10.99.0.1", "--cache-dir", at("cache"), "--trust-proxy", "10.99.0.20"],
    {},
  );
  running.push(publisher);
  id = String((await publisher.event("ready"))["share"]);
  port = Number(publisher.lastEvent("listening")?.["port"]);
  mkdirSync(at("nginx"));
  writeFileSync(
    at("nginx.conf"),
    `daemon off; pid ${at("nginx/pid")}; error_log stderr; events {}
     http {
       access_log off; client_body_temp_path ${at("nginx/a")}; proxy_temp_path ${at("nginx/b")};
       fastcgi_temp_path ${at("nginx/c")}; uwsgi_temp_path ${at("nginx/d")}; scgi_temp_path ${at("nginx/e")};
       server {
         listen ${FRONT};
         location / {
           proxy_pass http://10.99.0.1:${port};
           proxy_bind 10.99.0.20;
           proxy_http_version 1.1;
           proxy_set_header Host $http_host;
           proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
           proxy_set_header X-Forwarded-Proto $scheme;
           proxy_buffering off;
         }
       }
     }`,
  );
  const nginx = new Child("/usr/sbin/nginx", ["-p", at("nginx"), "-c", at("nginx.conf")]);
  running.push(nginx);
  for (let i = 0; i < 100; i++) {
    if (
      await ask(`http://${FRONT}/`, "10.99.0.5").then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(nginx.describe());
});
afterAll(async () => {
  await Promise.all(running.map((child) => child.stop()));
  place.remove();
});

it("makes URLs that lead through the proxy, as it was asked", async () => {
  const { body } = await ask(`http://${FRONT}/s/${id}.torrent`, "10.99.0.5");
  const { trackers, webSeeds } = parseMetainfo(Buffer.from(body, "latin1"), nodeHashes);
  expect(trackers).toEqual([[`http://${FRONT}/announce/${id}`]]);
  expect(webSeeds).toEqual([`http://${FRONT}/s/${id}/seed/`]);
  const secure = {
    "x-forwarded-for": "10.99.0.5",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "10.99.0.21",
  };
  const behind = await ask(`http://10.99.0.1:${port}/s/${id}`, "10.99.0.20", secure);
  expect(behind.body).toContain(`https://10.99.0.21/s/${id}`);
});

it("tracks receivers by their own address, not the proxy's, and our seeder by our port", async () => {
  const torrent = await ask(`http://${FRONT}/s/${id}.torrent`, "10.99.0.5");
  const { infoHash } = parseMetainfo(Buffer.from(torrent.body, "latin1"), nodeHashes);
  const hash = [...(infoHash ?? [])].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const announce = (name: string) =>
    `/announce/${id}?info_hash=${hash}&peer_id=-XX0000-${name}&port=7000&left=1`;
  const compact = (...bytes: number[]) => toLatin1(Uint8Array.from(bytes));
  await ask(`http://${FRONT}${announce("aaaaaaaaaaaa")}`, "10.99.0.5");
  const { body } = await ask(`http://${FRONT}${announce("bbbbbbbbbbbb")}`, "10.99.0.6");
  expect(body).toContain(compact(10, 99, 0, 5, 7000 >> 8, 7000 & 255));
  expect(body).not.toContain(compact(10, 99, 0, 20, 7000 >> 8, 7000 & 255));
  expect(body).toContain(compact(10, 99, 0, 20, port >> 8, port & 255));
  // Anybody can write such a header; only the proxy's is read.
  const lie = { "x-forwarded-for": "10.99.0.29" };
  await ask(`http://10.99.0.1:${port}${announce("cccccccccccc")}`, "10.99.0.7", lie);
  const after = await ask(`http://${FRONT}${announce("dddddddddddd")}`, "10.99.0.8");
  expect(after.body).toContain(compact(10, 99, 0, 7, 7000 >> 8, 7000 & 255));
  expect(after.body).not.toContain(compact(10, 99, 0, 29, 7000 >> 8, 7000 & 255));
});

it("keeps the rule for Host, whoever passes the name on", async () => {
  expect((await ask(`http://${FRONT}/`, "10.99.0.5", { host: "evil.example" })).status).toBe(421);
  const forwarded = { "x-forwarded-for": "10.99.0.5", "x-forwarded-host": "evil.example" };
  expect((await ask(`http://10.99.0.1:${port}/`, "10.99.0.20", forwarded)).status).toBe(421);
});

it("serves a download through the proxy", async () => {
  const getter = new ShareProcess(
    ["get", `http://${FRONT}/s/${id}`, "-o", at("out"), "--peer", `10.99.0.1:${port}`],
    {},
  );
  running.push(getter);
  expect(await getter.end()).toBe(0);
  expect(await digestFile(at("out", "file.bin"))).toBe(await digestFile(at("file.bin")));
});
