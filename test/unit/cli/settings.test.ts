import { writeFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { afterAll, describe, expect, it } from "vitest";
import { addCommonFlags, collect, collectTrackers, rate } from "../../../src/cli/options.ts";
import { applySettings, isSetting } from "../../../src/cli/settings.ts";
import { addSourceFlags } from "../../../src/cli/shared-flags.ts";
import { UsageError } from "../../../src/cli/units.ts";
import { scratch } from "../../support/data.ts";

const place = scratch();
const file = path.join(place.dir, "config");
afterAll(() => place.remove());

/** The flags that "share get ARGS" ends up with. */
async function flags(
  args: readonly string[],
  { env = {}, config = "" }: { readonly env?: Record<string, string>; readonly config?: string },
  warnings: string[] = [],
): Promise<Record<string, unknown>> {
  writeFileSync(file, config);
  const get = new Command("share get")
    .option("--limit-up <rate>", "", rate)
    .option("-o, --out <dir>", "", ".")
    .option("--select <glob>", "", collect)
    .option("--tracker <url>", "", collectTrackers)
    .option("--password <password>")
    .option("--password-file <file>")
    .option("--seed")
    .option("--no-lan");
  addSourceFlags(addCommonFlags(get), "").exitOverride();
  const info = addCommonFlags(new Command("share info").option("--swarm"));
  get.parse([...args], { from: "user" });
  await applySettings(get, [get, info], { BOOJUM_CONFIG: file, ...env }, (message) => warnings.push(message));
  return get.opts();
}

it("takes the command line before the environment, that before the file, and that before the default", async () => {
  const env = { BOOJUM_LIMIT_UP: "2MB/s" };
  const config = "limit-up = 3MB/s\n";
  expect((await flags(["--limit-up", "1MB/s"], { env, config }))["limitUp"]).toBe(1e6);
  expect((await flags([], { env, config }))["limitUp"]).toBe(2e6);
  expect((await flags([], { config }))["limitUp"]).toBe(3e6);
  expect(await flags([], {})).toMatchObject({ out: ".", lan: true });
  expect(await flags([], {})).not.toHaveProperty("limitUp");
});

it("lets a section go before what is for all commands, and leaves out other sections", async () => {
  const config = "out = a\nselect = *.jpg\n[get]\nout = b c\n[info]\nswarm\njson\n";
  expect(await flags([], { config })).toMatchObject({ out: "b c", select: ["*.jpg"] });
  expect(await flags([], { config })).not.toHaveProperty("json");
});

it("collects repeatable flags from lines and from words, and never adds them to nearer ones", async () => {
  const config = "select = a b/*.jpg\nselect = {c,d}\n";
  const env = { BOOJUM_SELECT: "e\\ f/*  {g,h}\ni" };
  expect((await flags([], { config }))["select"]).toEqual(["a b/*.jpg", "{c,d}"]);
  expect((await flags([], { config, env }))["select"]).toEqual(["e\\ f/*", "{g,h}", "i"]);
  expect((await flags(["--select", "j"], { config, env }))["select"]).toEqual(["j"]);
});

describe("flags without a value", () => {
  it.each([
    [{ BOOJUM_SEED: "1" }, "", { seed: true }],
    [{ BOOJUM_SEED: "no" }, "seed", { seed: undefined }],
    [{ BOOJUM_NO_LAN: "yes" }, "", { lan: false }],
    [{ BOOJUM_LAN: "0" }, "", { lan: false }],
    [{ BOOJUM_LAN: "on" }, "", { lan: true }],
    [{ BOOJUM_NO_LAN: "" }, "", { lan: true }],
    [{}, "lan = no", { lan: false }],
    [{}, "no-lan", { lan: false }],
    [{}, "follow-symlinks", { followSymlinks: 1 }],
    [{ BOOJUM_FOLLOW_SYMLINKS: "2" }, "", { followSymlinks: 2 }],
    [{}, "follow-symlinks\nfollow-symlinks", { followSymlinks: 2 }],
  ])("%j and %j", async (env, config, expected) => {
    const found = await flags([], { env, config });
    for (const [name, value] of Object.entries(expected)) expect(found[name]).toBe(value);
  });
});

it("takes one password: what is nearer ends the search for the other spelling", async () => {
  const config = "password = far";
  expect(
    await flags(["--password-file", "near"], { config, env: { BOOJUM_PASSWORD: "farther" } }),
  ).not.toHaveProperty("password");
  expect(await flags([], { config, env: { BOOJUM_PASSWORD_FILE: "near" } })).not.toHaveProperty("password");
  expect((await flags([], { env: { BOOJUM_PASSWORD: "" } }))["password"]).toBe("");
});

describe("says where a mistake is", () => {
  it.each([
    ["a value that is none", "\n# remark\nlimit-up = fast", /config:3: limit-up: "fast" is not a rate/],
    ["a repeatable value that is none", "tracker = x.example", /config:1: tracker: .*not a tracker's URL/],
    ["a key nobody has", "limitup = 1", /config:1: limitup: No command has .* Did you mean limit-up\?/],
    ["a key of another command", "[get]\nswarm", /config:2: swarm: "share get" doesn't have such a setting/],
    ["a section nobody has", "[gett]\nout = x", /config:2: out: there is no command "gett".*\[get\]\?/],
    ["a line that is none", "out: x", /config:1: "out: x" is neither/],
    ["a missing value", "out", /config:1: out: it needs a value, as in "-o, --out <dir>"/],
    ["neither yes nor no", "seed = maybe", /config:1: seed: "maybe" is neither yes nor no/],
    ["asking for help", "help", /config:1: help: No command has/],
  ])("%s", async (_, config, message) => {
    await expect(flags([], { config })).rejects.toThrowError(UsageError);
    await expect(flags([], { config })).rejects.toThrowError(message);
  });

  it("of the environment", async () => {
    await expect(flags([], { env: { BOOJUM_LIMIT_UP: "fast" } })).rejects.toThrowError(
      /^BOOJUM_LIMIT_UP: "fast"/,
    );
    const warnings: string[] = [];
    await flags([], { env: { BOOJUM_LIMITUP: "1" } }, warnings);
    expect(warnings).toEqual([
      "The variable BOOJUM_LIMITUP means nothing here. Did you mean BOOJUM_LIMIT_UP?",
    ]);
  });

  it("of a file that isn't there, but only when it was asked for", async () => {
    await expect(flags(["--config", path.join(place.dir, "none")], {})).rejects.toThrowError(
      /can't be read: ENOENT/,
    );
    expect((await flags(["--config", ""], { config: "seed" }))["seed"]).toBeUndefined();
    const home = { BOOJUM_CONFIG: "" };
    expect((await flags([], { env: home, config: "seed" }))["seed"]).toBeUndefined();
  });
});

it("has no flag that looks for the file in the file", async () => {
  const command = addCommonFlags(new Command("x"));
  expect(command.options.filter((option) => !isSetting(option)).map((option) => option.name())).toEqual([
    "config",
  ]);
});
