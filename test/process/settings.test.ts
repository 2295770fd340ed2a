/** Settings of the built command, from the places where a user keeps them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Child } from "../support/child.ts";
import { commandPath, ShareProcess } from "../support/command.ts";
import { scratch } from "../support/data.ts";

const place = scratch();
const at = (name: string) => `${place.dir}/${name}`;

beforeAll(() => {
  mkdirSync(at("config/boojum"), { recursive: true });
  writeFileSync(at("config/boojum/config"), "[create]\nname = from-file\npiece-size = 32KiB\n");
  writeFileSync(at("data"), "some bytes");
});
afterAll(() => place.remove());

function create(
  out: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): ShareProcess {
  // Without this an empty BOOJUM_CONFIG keeps the user's file from tests.
  const own = { XDG_CONFIG_HOME: at("config"), BOOJUM_CONFIG: at("config/boojum/config"), ...env };
  return new ShareProcess(["create", at("data"), "-o", at(out), "--cache-dir", at("cache"), ...flags], {
    env: own,
  });
}

async function nameIn(out: string): Promise<{ readonly name: unknown; readonly pieceLength: unknown }> {
  const info = new ShareProcess(["info", at(out)]);
  expect(await info.end()).toBe(0);
  const { name, pieceLength } = JSON.parse(info.stdout.join("")) as { name: unknown; pieceLength: unknown };
  return { name, pieceLength };
}

it("come from the file, the environment and the command line, the nearest first", async () => {
  await create("a.torrent").succeed();
  await create("b.torrent", [], { BOOJUM_NAME: "from-env" }).succeed();
  await create("c.torrent", ["--name", "from-flag"], { BOOJUM_NAME: "from-env" }).succeed();
  expect(await nameIn("a.torrent")).toEqual({ name: "from-file", pieceLength: 32768 });
  expect(await nameIn("b.torrent")).toEqual({ name: "from-env", pieceLength: 32768 });
  expect(await nameIn("c.torrent")).toEqual({ name: "from-flag", pieceLength: 32768 });
  await create("d.torrent", ["--config", ""]).succeed();
  expect((await nameIn("d.torrent")).name).toBe("data");
});

it("are looked for where the system keeps them", async () => {
  const line = `unset BOOJUM_CONFIG; exec '${process.execPath}' '${commandPath}' create '${at("data")}' -o '${at("e.torrent")}'`;
  const child = new Child("/bin/bash", ["-c", line], { env: { XDG_CONFIG_HOME: at("config") } });
  await child.succeed();
  expect((await nameIn("e.torrent")).name).toBe("from-file");
});

it("that are wrong end with 2 and say where, to people and to programs, even when the setting is --json itself", async () => {
  writeFileSync(at("wrong"), "json\n\npiece-size = 5\n");
  const env = { BOOJUM_CONFIG: at("wrong") };
  const child = new Child(process.execPath, [commandPath, "create", at("data")], { env });
  expect(await child.end()).toBe(2);
  const [line] = child.stdout;
  expect(JSON.parse(line ?? "")).toMatchObject({
    event: "error",
    code: "usage",
    message: expect.stringContaining(`${at("wrong")}:3: piece-size: "5" can't be`),
  });
});
