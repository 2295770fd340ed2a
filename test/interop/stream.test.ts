/** A film that a real client seeds, seen while it comes. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import type { Child } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { scratch } from "../support/data.ts";
import { libtorrent } from "../support/peers/libtorrent.ts";
import { fetchPart, MIB, part, writeFilm } from "../support/player.ts";

const place = scratch();
const running: Child[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop()));
});
afterAll(() => place.remove());

const FILM = 300 * MIB;

it("gives start, end and other places of a film within two seconds each, from libtorrent at 4 MB/s", async () => {
  const at = (name: string) => path.join(place.dir, name);
  writeFilm(at("film.mkv"), FILM);
  const create = new ShareProcess([
    "create",
    at("film.mkv"),
    "-o",
    at("film.torrent"),
    "--cache-dir",
    at("cache"),
  ]);
  await create.succeed();
  mkdirSync(at("state"));
  const seeder = { torrent: at("film.torrent"), dir: place.dir, state: at("state"), limitUp: 4_000_000 };
  running.push(await libtorrent.seed({ ...seeder, address: "10.99.0.2", port: 7700 }));
  const get = new ShareProcess([
    ...["get", at("film.torrent"), "-o", at("out"), "--stream"],
    ...["--peer", "10.99.0.2:7700", "--no-lan"],
  ]);
  running.push(get);
  const url = String((await get.event("streaming"))["url"]);
  const took: number[] = [];
  for (const start of [0, 298, 150, 60, 220, 100, 260].map((mib) => mib * MIB)) {
    const { body, millis } = await fetchPart(url, { Range: `bytes=${start}-` }, MIB);
    took.push(Math.round(millis));
    expect(body.equals(part(at("film.mkv"), start, MIB))).toBe(true);
    // It plays for a while, so that the line to the seeder is full when somebody seeks.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  // A machine whose disk stands still for a moment delays one jump; who doesn't follow the reader is late at each.
  const late = took.filter((millis) => millis >= 2_000);
  expect(late.length, `milliseconds: ${took.join(", ")}`).toBeLessThan(2);
  expect(Number(get.lastEvent("progress")?.["bytesDone"] ?? 0)).toBeLessThan(FILM / 3);
});
