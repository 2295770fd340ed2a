/** Behind Debian's nginx and Caddy, configured as the README says. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { request as requestHttps } from "node:https";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeHashes } from "../../src/platform/hashes.ts";
import { toLatin1 } from "../../src/protocol/bytes.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { Child } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";

interface Front {
  readonly name: string;
  /** `HOST:PORT` of the proxy. */
  readonly front: string;
  /** Where its connections to the publisher come from. */
  readonly from: string;
  start(publisher: string): Child;
}

const place = scratch();

const nginx: Front = {
  name: "nginx",
  front: "10.99.0.20:8080",
  from: "10.99.0.20",
  start: (publisher) => {
    mkdirSync(at("nginx"));
    writeFileSync(
      at("nginx.conf"),
      `daemon off; pid ${at("nginx/pid")}; error_log stderr; events {}
       http {
         access_log off; client_body_temp_path ${at("nginx/a")}; proxy_temp_path ${at("nginx/b")};
         fastcgi_temp_path ${at("nginx/c")}; uwsgi_temp_path ${at("nginx/d")}; scgi_temp_path ${at("nginx/e")};
         server {
           listen 10.99.0.20:8080;
           location / {
             proxy_pass http://${publisher};
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
    return new Child("/usr/sbin/nginx", ["-p", at("nginx"), "-c", at("nginx.conf")]);
  },
};

const caddy: Front = {
  name: "Caddy",
  front: "10.99.0.21:8081",
  // The system's choice, for it is on the same machine.
  from: "10.99.0.1",
  start: (publisher) => {
    writeFileSync(
      at("Caddyfile"),
      `{\n admin off\n skip_install_trust\n}
       http://10.99.0.21:8081 {\n reverse_proxy ${publisher}\n}
       https://10.99.0.21:8443 {\n tls internal\n reverse_proxy ${publisher}\n}\n`,
    );
    const env = { XDG_DATA_HOME: at("caddy"), XDG_CONFIG_HOME: at("caddy") };
    return new Child("caddy", ["run", "--config", at("Caddyfile"), "--adapter", "caddyfile"], { env });
  },
};

function at(...parts: string[]): string {
  return path.join(place.dir, ...parts);
}

function bytesOf(address: string): number[] {
  return address.split(".").map(Number);
}

/** As somebody at `from` asks; the body one character a byte. */
function ask(
  url: string,
  from: string,
  headers: Record<string, string> = {},
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    // Caddy signs its certificate itself here.
    const how = { localAddress: from, headers, agent: false, rejectUnauthorized: false } as const;
    const asked = (url.startsWith("https:") ? requestHttps : request)(url, how, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () =>
        resolve({ status: answer.statusCode, body: Buffer.concat(parts).toString("latin1") }),
      );
    });
    asked.on("error", reject).end();
  });
}

/** Tells that the proxy is up. */
async function answers(url: string): Promise<boolean> {
  return await ask(url, "10.99.0.5").then(
    ({ status }) => status === 200,
    () => false,
  );
}

afterAll(() => place.remove());

describe.each([nginx, caddy])("behind $name", ({ name, front: FRONT, from, start }) => {
  const running: Child[] = [];
  let id: string;
  let port: number;

  beforeAll(async () => {
    writeFileSync(at("file.bin"), noise(1_000_000, 1));
    const flags = ["--bind", "10.99.0.1", "--cache-dir", at(`cache-${name}`), "--trust-proxy", from];
    const publisher = new ShareProcess([at("file.bin"), ...flags]);
    running.push(publisher);
    id = String((await publisher.event("ready"))["share"]);
    port = Number(publisher.lastEvent("listening")?.["port"]);
    const proxy = start(`10.99.0.1:${port}`);
    running.push(proxy);
    for (let i = 0; !(await answers(`http://${FRONT}/`)); i++) {
      if (i === 200) throw new Error(proxy.describe());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  afterAll(async () => {
    await Promise.all(running.map((child) => child.stop()));
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
    const behind = await ask(`http://10.99.0.1:${port}/s/${id}`, from, secure);
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
    expect(body).not.toContain(compact(...bytesOf(from), 7000 >> 8, 7000 & 255));
    // The seeder is where they asked: at the proxy's address.
    expect(body).toContain(compact(...bytesOf(FRONT.split(":")[0] ?? ""), port >> 8, port & 255));
    // Anybody can write such a header; only the proxy's is read.
    const lie = { "x-forwarded-for": "10.99.0.29" };
    await ask(`http://10.99.0.1:${port}${announce("cccccccccccc")}`, "10.99.0.7", lie);
    const after = await ask(`http://${FRONT}${announce("dddddddddddd")}`, "10.99.0.8");
    expect(after.body).toContain(compact(10, 99, 0, 7, 7000 >> 8, 7000 & 255));
    expect(after.body).not.toContain(compact(10, 99, 0, 29, 7000 >> 8, 7000 & 255));
  });

  it("keeps the rule for Host, whoever passes the name on", async () => {
    // Caddy answers itself, with nothing, for names that it doesn't know.
    const stranger = await ask(`http://${FRONT}/`, "10.99.0.5", { host: "evil.example" });
    expect(stranger.status === 421 || stranger.body === "").toBe(true);
    const forwarded = { "x-forwarded-for": "10.99.0.5", "x-forwarded-host": "evil.example" };
    expect((await ask(`http://10.99.0.1:${port}/`, from, forwarded)).status).toBe(421);
  });

  it("serves a download through the proxy", async () => {
    const getter = new ShareProcess(
      ["get", `http://${FRONT}/s/${id}`, "-o", at(`out-${name}`), "--peer", `10.99.0.1:${port}`],
      {},
    );
    running.push(getter);
    expect(await getter.end()).toBe(0);
    expect(await digestFile(at(`out-${name}`, "file.bin"))).toBe(await digestFile(at("file.bin")));
  });

  if (name === caddy.name)
    it("is reached by https, and says so in its URLs", async () => {
      const { body } = await ask(`https://10.99.0.21:8443/s/${id}.torrent`, "10.99.0.5");
      const { trackers } = parseMetainfo(Buffer.from(body, "latin1"), nodeHashes);
      expect(trackers).toEqual([[`https://10.99.0.21:8443/announce/${id}`]]);
    });

  it("passes on live events as they come, and parts of an archive", async () => {
    const { body } = await ask(`http://${FRONT}/s/${id}/files/file.bin`, "10.99.0.5", {
      range: "bytes=500000-500009",
    });
    expect(Buffer.from(body, "latin1").equals(noise(1_000_000, 1).subarray(500_000, 500_010))).toBe(true);
    const first = await new Promise<string>((resolve, reject) => {
      const asked = request(`http://${FRONT}/s/${id}/events`, { agent: false }, (answer) => {
        answer.once("data", (part: Buffer) => {
          resolve(part.toString());
          asked.destroy();
        });
      });
      asked.on("error", reject).end();
    });
    expect(first).toMatch(/data: \{"phase":"ready 1"/);
  });
});
