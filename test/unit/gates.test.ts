/** Each way out of the program, and into the disk, has one gate: who goes past it is found by reading the source. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../src", import.meta.url));
const sources = new Map(
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith(".client.ts"))
    .map((file) => [
      file.split(path.sep).join("/"),
      withoutComments(readFileSync(path.join(root, file), "utf8")),
    ]),
);

function withoutComments(source: string): string {
  return source.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
}

/** The files in which `pattern` occurs. */
function filesWith(pattern: RegExp): string[] {
  return [...sources]
    .filter(([, source]) => pattern.test(source))
    .map(([file]) => file)
    .sort();
}

/** The lines in which `pattern` occurs, trimmed. */
function linesWith(pattern: RegExp): string[] {
  return [...sources.values()]
    .flatMap((source) => source.split("\n").filter((line) => pattern.test(line)))
    .map((line) => line.trim());
}

describe("one gate", () => {
  it("for sockets: nobody opens one but the platform, which knows what we are bound to, and HTTP requests, which are told", () => {
    const opening = /\b(createSocket|createServer|createHttpServer|connectTls|requestHttps?|connect)\(\{?/;
    const importing =
      /import (?!type)[^;]*\b(connect|createServer|createSocket|request)\b[^;]*from "node:(net|dgram|http|https|tls|http2)"/;
    expect(filesWith(importing)).toEqual([
      "client/http/http-request.ts",
      "gateway/gateway-http.ts",
      // For players on this machine: it listens on 127.0.0.1 and nowhere else.
      "httpd/stream-server.ts",
      "platform/addresses.ts",
      "platform/connect.ts",
      "platform/datagram-channel.ts",
      "platform/datagrams.ts",
      "platform/listener.ts",
      "platform/multicast-question.ts",
      "platform/multicast.ts",
      "platform/ports.ts",
      "platform/tcp.ts",
    ]);
    expect(filesWith(opening)).toContain("client/http/http-request.ts");
    // The page's own script is the one place that may.
    expect(filesWith(/(^|[^\w.#])fetch\("?http|WebSocket\(|EventSource\(/)).toEqual([]);
  });

  it("for a terminal: whoever writes to one has escaped what it writes, or wrote it himself", () => {
    expect(filesWith(/\.write\(/).filter((file) => file.startsWith("cli/"))).toEqual([
      "cli/commands.ts",
      "cli/main.ts",
      "cli/output.ts",
      "cli/run.ts",
      "cli/standard-output.ts",
      "cli/ui/ask.ts",
      "cli/ui/live/live-view.ts",
      "cli/ui/live/screen.ts",
      "cli/ui/progress.ts",
      "cli/ui/share-picker.ts",
      "cli/ui/tree-picker.ts",
    ]);
    expect(filesWith(/std(out|err)\.write\(/).filter((file) => !file.startsWith("cli/"))).toEqual([]);
    expect(filesWith(/console\.(log|error|warn|info)\(/)).toEqual([]);
    // JSON for a terminal is `jsonLine`.
    expect([...filesWith(/JSON\.stringify\(/)].filter((file) => file.startsWith("cli/"))).toEqual([]);
    // Usage errors repeat arguments.
    for (const line of linesWith(/writeErr:/)) expect(line).toMatch(/escapeLines\(|\{\}/);
  });

  it("for HTML: JSX escapes it, and what goes past JSX is ours", () => {
    expect(linesWith(/\{raw\(/).sort()).toEqual([
      "<script>{raw(SCRIPT)}</script>",
      "<style>{raw(STYLE)}</style>",
      "{raw(MARK)}",
      "{raw(SPRITE)}",
    ]);
    expect(filesWith(/dangerouslySetInnerHTML|html`/)).toEqual([]);
  });

  it("for headers: a name that strangers chose is in `Content-Disposition` alone, by RFC 8187", () => {
    for (const line of linesWith(/"Content-Disposition"/)) expect(line).toMatch(/contentDisposition\(/);
    expect(filesWith(/filename\*=/)).toEqual(["httpd/core/content.ts"]);
  });

  it("for paths: those of a torrent become paths on disk once, when it is read", () => {
    expect(filesWith(/\bportablePaths\(/)).toEqual([
      "create/scan.ts",
      // Names inside an archive, which others unpack.
      "httpd/archives.ts",
      "protocol/parse-metainfo.ts",
      "protocol/portable-path.ts",
    ]);
    // And below the target they are opened by whoever never follows a link.
    const opening = [...filesWith(/\bopen(Sync)?\([^)]*"(wx?\+?|r\+|a)"/)].filter((file) =>
      file.startsWith("client/"),
    );
    // Named by a hash, and made anew.
    expect(opening).toEqual(["client/storage/saved-metadata.ts"]);
  });
});
