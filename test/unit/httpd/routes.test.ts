import { describe, expect, it } from "vitest";
import { parseTarget } from "../../../src/httpd/core/target.ts";
import type { Catalog, Share, SharedFile } from "../../../src/httpd/model.ts";
import { createRoutes } from "../../../src/httpd/routes.ts";
import { catalog, readyState, share } from "../../support/catalog.ts";

const BASE = "http://192.168.1.20:6881";

function file(...path: string[]): SharedFile {
  return {
    path,
    length: 1000,
    absolutePath: `/nowhere/${path.join("/")}`,
    executable: false,
    mtimeNs: 1n,
    ctimeNs: 1n,
    inode: 1n,
  };
}

const files = [file("a.txt"), file("sub dir", "b.bin")];

/** What the routes answer, as if the front door had let the request in. */
async function ask(shares: Catalog, path: string, accept?: string): Promise<Response> {
  const target = parseTarget(path);
  if (target === undefined) throw new Error("a test asks for what the front door refuses");
  const judged = { target, base: BASE, root: "", host: "192.168.1.20:6881" };
  const headers = accept === undefined ? {} : { accept };
  return createRoutes({ catalog: shares, version: "1.2.3" }).request(path, { headers }, { judged });
}

const textOf = async (shares: Catalog, path: string, accept?: string) =>
  (await ask(shares, path, accept)).text();

describe("a share's page", () => {
  it("shows name, counts, the command and a link for each file", async () => {
    const html = await textOf(catalog(share({ files })), "/s/k3f9x2", "text/html");
    expect(html).toContain("<bdi>folder</bdi>");
    expect(html).toContain("<b>2</b> files");
    expect(html).toContain("<b>2.0 KB</b>");
    expect(html).toContain("Nobody has asked for it yet");
    expect(html).toContain(`share get ${BASE}/s/k3f9x2`);
    expect(html).toContain('href="/s/k3f9x2/files/a.txt"');
    expect(html).not.toContain("b.bin");
    expect(html).toContain('href="/s/k3f9x2.torrent"');
    expect(html).toContain('property="og:title" content="folder"');
    expect(html).not.toContain('http-equiv="refresh"');
  });

  it("gives a terminal commands with the password's place, where there is one", async () => {
    const text = await textOf(catalog(share({ files, token: "t".repeat(32) })), "/s/k3f9x2");
    expect(text).toContain("(the password is asked for):\n  share get http://");
    const commands = text.match(/curl .*/g) ?? [];
    expect(commands.length).toBeGreaterThan(3);
    expect(commands.filter((command) => !command.startsWith("curl -u :PASSWORD "))).toEqual([]);
    expect(await textOf(catalog(share({ files })), "/s/k3f9x2")).not.toContain("PASSWORD");
  });

  it("offers a folder as ZIP and TAR, and a single file as it is", async () => {
    const folder = await textOf(catalog(share({ files })), "/s/k3f9x2", "text/html");
    expect(folder).toContain('href="/s/k3f9x2.zip"');
    expect(folder).toContain('href="/s/k3f9x2.tar"');
    const one = share({ name: "a.txt", oneFile: true, files: files.slice(0, 1) });
    expect(await textOf(catalog(one), "/s/k3f9x2", "text/html")).not.toContain("k3f9x2.zip");
  });

  it("unfolds, enters, searches and sorts folders as its query says", async () => {
    const shares = catalog(share({ files: [...files, file("sub dir", "c.txt"), file("z.txt")] }));
    const names = async (query: string) =>
      [...(await textOf(shares, `/s/k3f9x2${query}`, "text/html")).matchAll(/data-key="([^"]*)"/g)].map(
        ([, key]) => key,
      );
    expect(await names("")).toEqual(["sub dir/", "a.txt", "z.txt"]);
    expect(await names("?open=sub+dir")).toEqual([
      "sub dir/",
      "sub dir/b.bin",
      "sub dir/c.txt",
      "a.txt",
      "z.txt",
    ]);
    expect(await names("?in=sub+dir&sort=-name")).toEqual(["sub dir/c.txt", "sub dir/b.bin"]);
    expect(await names("?q=TXT+SUB")).toEqual(["sub dir/c.txt"]);
    expect(await names("?in=none&q=&sort=nonsense&page=99")).toEqual(["sub dir/", "a.txt", "z.txt"]);
  });

  it("shows pictures, sounds and documents by their own URL, and documents in a sandbox only", async () => {
    const shares = catalog(
      share({ files: [file("p.svg"), file("s.mp3"), file("v.webm"), file("d.pdf"), file("h.html")] }),
    );
    const page = (name: string) => textOf(shares, `/s/k3f9x2?show=${name}`, "text/html");
    expect(await page("p.svg")).toContain('<img src="/s/k3f9x2/files/p.svg"');
    expect(await page("s.mp3")).toContain('<audio src="/s/k3f9x2/files/s.mp3"');
    expect(await page("v.webm")).toContain('<video src="/s/k3f9x2/files/v.webm"');
    expect(await page("d.pdf")).toMatch(/<iframe src="[^"]*d\.pdf" title="d\.pdf"\/?>/);
    expect(await page("h.html")).toMatch(/<iframe src="[^"]*h\.html" title="h\.html" sandbox=""\/?>/);
    expect(await page("none.txt")).not.toContain('id="preview"');
  });

  it("escapes names and makes what hides or reorders text visible", async () => {
    const evil = file('<img src=x onerror="alert(1)">&\u202etxt.exe');
    const html = await textOf(
      catalog(share({ name: "<script>x</script>", files: [evil] })),
      "/s/k3f9x2",
      "text/html",
    );
    expect(html).not.toContain("<img");
    expect(html).not.toContain("<script>x");
    expect(html.match(/<script>/g)).toHaveLength(1);
    expect(html).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;\\u202etxt.exe");
  });

  it("pages long lists", async () => {
    const many = Array.from({ length: 401 }, (_, i) => file(`${i}.txt`));
    const html = await textOf(catalog(share({ files: many })), "/s/k3f9x2?page=3", "text/html");
    expect(html.match(/<li class="d0"/g)).toHaveLength(1);
    expect(html).toContain("files/400.txt");
    expect(html).toContain("?page=2#files");
    expect(html).not.toContain("?page=4");
  });

  it("asks for itself again while the torrent is being prepared", async () => {
    const state = { name: "hashing", bytesDone: 45, bytesTotal: 100 } as const;
    const html = await textOf(catalog(share({ files, state })), "/s/k3f9x2", "text/html");
    expect(html).toContain('http-equiv="refresh"');
    expect(html).toContain("45 %");
    expect(html).not.toContain(".torrent");
  });

  it("has no magnet or torrent to offer for what failed, and says why", async () => {
    const state = { name: "failed", message: "a.txt changed <b>" } as const;
    const html = await textOf(catalog(share({ files, state })), "/s/k3f9x2", "text/html");
    expect(html).toContain("a.txt changed &lt;b&gt;");
    expect(html).not.toContain("share get http");
    expect(html).not.toContain("Who has it");
  });
});

describe("a share for programs", () => {
  it("answers curl with commands that a shell and a terminal take as they are", async () => {
    const text = await textOf(
      catalog(share({ name: "x\x1b[31m", files: [file("it's; rm.txt")] })),
      "/s/k3f9x2",
    );
    expect(text).toBe(
      [
        "x\\x1b[31m: 1 file, 1.0 KB",
        "",
        "All of it, checked:",
        `  share get ${BASE}/s/k3f9x2`,
        `  npx ${BASE}/boojum.tgz get ${BASE}/s/k3f9x2`,
        "",
        "With any BitTorrent client:",
        `  curl -OJ ${BASE}/s/k3f9x2.torrent`,
        `  magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&tr=${encodeURIComponent(BASE)}`,
        "",
        "Everything in one file:",
        `  curl -OJ ${BASE}/s/k3f9x2.zip`,
        `  curl ${BASE}/s/k3f9x2.tar | tar x`,
        "",
        "One file:",
        `  curl -OJ ${BASE}/s/k3f9x2/files/it%27s%3B%20rm.txt`,
        "",
      ].join("\n"),
    );
  });

  it("answers JSON with the state, the totals and each file's URL", async () => {
    const answer = await ask(catalog(share({ files })), "/s/k3f9x2", "application/json");
    expect(answer.headers.get("vary")).toBe("Accept");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toMatchObject({
      share: "k3f9x2",
      name: "folder",
      url: `${BASE}/s/k3f9x2`,
      torrentUrl: `${BASE}/s/k3f9x2.torrent`,
      state: "ready",
      files: 2,
      bytes: 2000,
      swarm: { seeders: 2, leechers: 5, completed: 3 },
      contents: [
        { path: "a.txt", bytes: 1000, url: `${BASE}/s/k3f9x2/files/a.txt` },
        { path: "sub dir/b.bin", bytes: 1000, url: `${BASE}/s/k3f9x2/files/sub%20dir/b.bin` },
      ],
    });
  });

  it.each(["/s/k3f9x2.torrent", "/metainfo.torrent", "/s/k3f9x2"])(
    "gives the torrent at %s",
    async (path) => {
      const answer = await ask(catalog(share({ files })), path, "application/x-bittorrent");
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("application/x-bittorrent");
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.headers.get("content-disposition")).toContain('filename="folder.torrent"');
      expect(await answer.text()).toContain(`${BASE}/announce`);
    },
  );

  it("says how far the torrent is and when to ask again while it is not there", async () => {
    const state = { name: "hashing", bytesDone: 45, bytesTotal: 100 } as const;
    const shares = catalog(share({ files, state }));
    const answer = await ask(shares, "/s/k3f9x2.torrent", "application/x-bittorrent");
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await answer.json()).toMatchObject({ state: "hashing", bytesDone: 45, bytesTotal: 100 });
    const forCurl = await ask(shares, "/s/k3f9x2.torrent");
    expect([forCurl.status, await forCurl.text()]).toEqual([503, expect.stringContaining("45 %")]);
  });

  it("answers 410 for the torrent of a share that failed", async () => {
    const state = { name: "failed", message: "a.txt changed" } as const;
    const answer = await ask(catalog(share({ files, state })), "/s/k3f9x2.torrent");
    expect([answer.status, await answer.text()]).toEqual([410, "a.txt changed\n"]);
  });
});

describe("lists", () => {
  const secret: Share = share({ id: "unlisted", name: "secret", listed: false, files });

  it.each(["text/html", "application/json", "*/*"])("never name an unlisted share (%s)", async (accept) => {
    const text = await textOf(catalog(secret, share({ files })), "/", accept);
    expect(text).toContain("folder");
    expect(text).not.toMatch(/secret|unlisted/);
  });

  it("give a torrent client the only share, and the list where there are several", async () => {
    const torrent = "application/x-bittorrent";
    const only = await ask(catalog(secret, share({ files })), "/", torrent);
    expect(only.headers.get("content-type")).toBe(torrent);
    const several = await ask(catalog(share({ files }), share({ id: "two", files })), "/", torrent);
    expect(await several.text()).toContain("share get http://192.168.1.20:6881/s/two");
    expect((await ask(catalog(secret), "/", torrent)).headers.get("content-type")).toContain("text/plain");
  });

  it("have no first torrent when everything is unlisted, though its own URLs work", async () => {
    expect((await ask(catalog(secret), "/metainfo.torrent")).status).toBe(404);
    expect((await ask(catalog(secret), "/s/unlisted")).status).toBe(200);
    expect((await ask(catalog(secret), "/s/unlisted.torrent")).status).toBe(200);
  });
});

describe("what isn't there", () => {
  it.each([
    "/nope",
    "/s/",
    "/s/none",
    "/s/none.torrent",
    "/s/k3f9x2/files/none",
    "/s/k3f9x2/seed/folder",
    "/s/k3f9x2/seed/other/a.txt",
    "/s/constructor",
    "/s/__proto__",
  ])("is 404: %s", async (path) => {
    const answer = await ask(catalog(share({ files })), path, "text/html");
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  it("is told in the language of the asker", async () => {
    expect(await (await ask(catalog(), "/s/none", "application/json")).json()).toEqual({
      error: "Nothing is shared under this address.",
    });
    expect(await textOf(catalog(), "/s/none")).toBe("Nothing is shared under this address.\n");
  });
});

it("redirects a share's URL with a slash at its end", async () => {
  const answer = await ask(catalog(share({ files, state: readyState })), "/s/k3f9x2/");
  expect([answer.status, answer.headers.get("location")]).toEqual([308, "/s/k3f9x2"]);
});

describe("the feed", () => {
  it("has the listed shares whose torrents are ready, with absolute URLs by which the asker reaches us", async () => {
    const unlisted = share({ id: "secret", name: "unlisted", listed: false, files });
    const hashing = share({
      id: "later",
      name: "later",
      files,
      state: { name: "hashing", bytesDone: 0, bytesTotal: 1 },
    });
    const shares = catalog(share({ files }), unlisted, hashing);
    const answer = await ask(shares, "/feed.xml");
    expect(answer.headers.get("content-type")).toBe("application/atom+xml; charset=utf-8");
    const text = await answer.text();
    expect(text).toContain(`<id>${BASE}/feed.xml</id>`);
    expect(text.match(/<entry>/g)).toHaveLength(1);
    expect(text).toContain("<id>urn:btih:0123456789abcdef0123456789abcdef01234567</id>");
    const torrent = (await (await ask(shares, "/s/k3f9x2.torrent")).arrayBuffer()).byteLength;
    expect(text).toContain(
      `rel="enclosure" type="application/x-bittorrent" length="${torrent}" href="${BASE}/s/k3f9x2.torrent"`,
    );
    expect(text).not.toMatch(/secret|unlisted|later/);
  });

  it("is announced on the pages", async () => {
    expect(await textOf(catalog(), "/", "text/html")).toContain(
      '<link rel="alternate" href="/feed.xml" type="application/atom+xml"',
    );
  });
});
