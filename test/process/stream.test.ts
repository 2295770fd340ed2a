/** `share get SOURCE --stream`, as players see it. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { ShareProcess } from "../support/command.ts";
import { fetchPart, MIB, part, writeFilm } from "../support/player.ts";
import { useStage } from "../support/stage.ts";

const { at, publish, get } = useStage();
/** Of the file that is read in places. */
const FILM = 300 * MIB;

async function streamed(from: ShareProcess, ...flags: string[]) {
  const url = String((await from.event("ready"))["url"]);
  const getting = get(url, "--stream", "--no-lan", ...flags);
  const { url: player, files } = await getting.event("streaming");
  return { getting, player: String(player), files: files as { path: string; url: string; type: string }[] };
}

describe("share get --stream", () => {
  it("gives start, end and middle of a film within two seconds each, at 4 MB/s", async () => {
    writeFilm(at("film.webm"), FILM);
    const { getting, player } = await streamed(publish("film.webm", "--limit-up", "4MB/s"));
    expect(player).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/film\.webm$/);
    const took: number[] = [];
    for (const start of [0, FILM - 2 * MIB, FILM / 2 + 12_345, 40 * MIB, FILM / 2 + 3 * MIB]) {
      const { response, body, millis } = await fetchPart(player, { Range: `bytes=${start}-` }, MIB);
      took.push(Math.round(millis));
      expect(response.statusCode).toBe(206);
      expect(response.headers["content-range"]).toBe(`bytes ${start}-${FILM - 1}/${FILM}`);
      expect(response.headers["content-type"]).toBe("video/webm");
      expect(body.equals(part(at("film.webm"), start, MIB))).toBe(true);
    }
    expect(Math.max(...took), `milliseconds: ${took.join(", ")}`).toBeLessThan(2_000);
    expect(Number(getting.lastEvent("progress")?.["bytesDone"] ?? 0)).toBeLessThan(FILM / 3);
    expect(await getting.stop("SIGINT")).toBe(130);
  });

  it("plays while it downloads, goes on until it is stopped, and ends with 0 when all is there", async () => {
    writeFilm(at("film.webm"), 12 * MIB);
    const { getting, player } = await streamed(publish("film.webm", "--limit-up", "8MB/s"));
    const whole = await fetchPart(player, {}, Number.POSITIVE_INFINITY);
    expect(whole.response.statusCode).toBe(200);
    expect(whole.body.equals(part(at("film.webm"), 0, 12 * MIB))).toBe(true);
    await getting.event("done");
    const tag = whole.response.headers.etag ?? "";
    const later = await fetchPart(player, { Range: "bytes=-5", "If-Range": tag }, 9);
    expect(later.body.equals(part(at("film.webm"), 12 * MIB - 5, 5))).toBe(true);
    expect((await fetchPart(player, { "If-None-Match": tag }, 9)).response.statusCode).toBe(304);
    const head = await fetchPart(player, {}, 9, "HEAD");
    expect(head.response.headers).toMatchObject({
      "content-length": String(12 * MIB),
      "accept-ranges": "bytes",
      "content-type": "video/webm",
    });
    expect((await fetchPart(player, { Range: `bytes=${12 * MIB}-` }, 9)).response.statusCode).toBe(416);
    expect(await getting.stop("SIGINT")).toBe(0);
    expect(part(path.join(at("out"), "film.webm"), 0, 12 * MIB).equals(whole.body)).toBe(true);
  });

  it("serves every file of a folder, the largest film first, and nothing else", async () => {
    mkdirSync(at("films", "extra"), { recursive: true });
    writeFilm(at("films", "b#ü.mkv"), 2 * MIB);
    writeFilm(at("films", "a.mp4"), MIB);
    writeFilm(at("films", "data.bin"), 4 * MIB);
    writeFileSync(at("films", "extra", "notes.html"), "<script>alert(1)</script>");
    const { player, files } = await streamed(publish("films"));
    expect(files.map(({ path: name, type }) => [name, type])).toEqual([
      ["b#ü.mkv", "video/x-matroska"],
      ["a.mp4", "video/mp4"],
      ["data.bin", "application/octet-stream"],
      ["extra/notes.html", "text/html; charset=utf-8"],
    ]);
    for (const { path: name, url } of files) {
      const { body } = await fetchPart(url, {}, Number.POSITIVE_INFINITY);
      expect(body.equals(part(at("films", name), 0, body.length))).toBe(true);
    }
    const listed = await fetchPart(new URL("/", player).href, {}, MIB);
    expect(String(listed.body).trim().split("\n")).toEqual(files.map(({ url }) => url));
    const html = await fetchPart(files[3]?.url ?? "", {}, MIB);
    expect(html.response.headers["content-security-policy"]).toMatch(/^sandbox; default-src 'none'/);
    for (const wrong of ["/nothing", "/..%2fetc%2fpasswd", "/extra"]) {
      expect((await fetchPart(new URL(player).origin + wrong, {}, MIB)).response.statusCode).toBeGreaterThan(
        399,
      );
    }
    // A page from elsewhere that has found the port by DNS rebinding.
    const foreign = await fetchPart(player, { Host: "evil.example:80" }, MIB);
    expect(foreign.response.statusCode).toBe(421);
  });
});
