/** What shells and man(1) make of what we give them: completions are asked of the real shells. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Child, run } from "../support/child.ts";
import { commandPath } from "../support/command.ts";
import { scratch } from "../support/data.ts";

const place = scratch();
const at = (name: string) => `${place.dir}/${name}`;
const page = fileURLToPath(new URL("../../dist/share.1", import.meta.url));

beforeAll(async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    writeFileSync(
      at(`completion.${shell}`),
      `${await run(process.execPath, [commandPath, "completion", shell])}\n`,
    );
  }
  mkdirSync(at("here/photos of 2003"), { recursive: true });
  writeFileSync(at("here/photo.torrent"), "");
});
afterAll(() => place.remove());

/** What bash offers when Tab is pressed behind these words; `COMP_WORDS` is cut as readline cuts it. */
function bash(...words: readonly string[]): string[] {
  const script = `source '${at("completion.bash")}'; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _boojum 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync("bash", ["-c", script, "bash", ...words], { cwd: at("here"), encoding: "utf8" });
  return out.trim().split("\n").sort();
}

/** What fish offers for this line, without descriptions. */
function fish(line: string): string[] {
  const script = `source '${at("completion.fish")}'; complete -C '${line}'`;
  const env = { ...process.env, HOME: place.dir };
  const out = execFileSync("fish", ["--no-config", "-c", script], { cwd: at("here"), encoding: "utf8", env });
  return out
    .trim()
    .split("\n")
    .map((offer) => offer.split("\t", 1)[0] ?? "")
    .sort();
}

/** What zsh offers: its completion code wants a terminal, so it runs in one of its own and `compadd` tells us. */
function zsh(line: string): string[] {
  const inner = [
    "autoload -Uz compinit; compinit -u -D",
    `source '${at("completion.zsh")}'`,
    "zstyle ':completion:*' list-prompt ''",
    // Instead of showing matches: names of what is offered, between marks.
    'compadd() { local -a found; builtin compadd -O found "$@"; print -rl -- "<<${(@)^found}>>"; builtin compadd "$@" }',
    "stty columns 200; LISTMAX=-1; PROMPT=READY",
  ];
  writeFileSync(at("zshrc"), inner.join("\n"));
  const outer = `zmodload zsh/zpty
    zpty -b z zsh -f -i
    zpty -w z "source '${at("zshrc")}'"
    zpty -r z out '*READY'
    zpty -n -w z $'${line.replaceAll("'", "\\'")}\\t'
    integer quiet=0
    # Until it has offered something and then nothing more for a second.
    repeat 300; do
      sleep 0.1
      if zpty -r -t z out; then print -r -- $out; [[ $out == *'<<'* ]] && quiet=1
      elif (( quiet > 0 && ++quiet > 10 )); then break; fi
    done
    zpty -d z`;
  const out = execFileSync("zsh", ["-f", "-c", outer], {
    cwd: at("here"),
    encoding: "utf8",
    timeout: 50_000,
  });
  return [...new Set([...out.matchAll(/<<([^<>]+)>>/g)].map(([, found]) => found ?? ""))].sort();
}

const WORDS = ["completion", "create", "get", "info", "publish", "tracker"];

it("are scripts that bash, zsh and fish can read", async () => {
  await run("bash", ["-n", at("completion.bash")]);
  await run("zsh", ["-n", at("completion.zsh")]);
  await run("fish", ["-n", at("completion.fish")]);
});

describe("bash completes", () => {
  it("commands and paths first", () => {
    expect(bash("share", "")).toEqual(expect.arrayContaining([...WORDS, "photos of 2003", "photo.torrent"]));
    expect(bash("boojum", "tr")).toEqual(["tracker"]);
  });

  it("a command's own flags, wherever the command is", () => {
    expect(bash("share", "get", "--se")).toEqual(["--seed", "--seed-for", "--seed-ratio", "--select"]);
    expect(bash("share", "--limit-up", "5MB", "get", "--seed-")).toEqual(["--seed-for", "--seed-ratio"]);
    expect(bash("share", "./photos", "--until")).toEqual(["--until-copies"]);
    expect(bash("share", "http", ":", "//10.0.0.1/s/x", "--sel")).toEqual(["--select"]);
    expect(bash("share", "info", "--seed")).toEqual([""]);
  });

  it("values: folders for --out, words for a shell, nothing for a rate", () => {
    expect(bash("share", "create", "--cache-dir", "")).toEqual(["photos of 2003"]);
    expect(bash("share", "create", "--cache-dir", "=", "ph")).toEqual(["photos of 2003"]);
    expect(bash("share", "completion", "")).toEqual(["bash", "fish", "zsh"]);
    expect(bash("share", "get", "--limit-up", "")).toEqual([""]);
  });
});

it("fish completes commands, flags, folders and words", () => {
  expect(fish("share ")).toEqual(expect.arrayContaining(WORDS));
  expect(fish("share get --seed-")).toEqual(["--seed-for", "--seed-ratio"]);
  expect(fish("share get --out ph")).toEqual(["photos of 2003/"]);
  expect(fish("share completion ")).toEqual(["bash", "fish", "zsh"]);
  expect(fish("share info --seed-")).toEqual([""]);
  expect(fish("share ./photos --until-")).toEqual(["--until-copies"]);
});

it("zsh completes commands, flags and words", () => {
  expect(zsh("share tr")).toContain("tracker");
  expect(zsh("share get --seed-")).toEqual(expect.arrayContaining(["--seed-for", "--seed-ratio"]));
  expect(zsh("share completion ")).toEqual(expect.arrayContaining(["bash", "fish", "zsh"]));
});

it("the manual page has no mistakes, and every command and flag", async () => {
  // Without a date on purpose: building twice gives the same page.
  const lint = new Child("mandoc", ["-Tlint", "-Wwarning", page]);
  await lint.end();
  expect(lint.stdout.filter((line) => !line.includes("missing date"))).toEqual([]);
  const man = new Child("man", ["--warnings", "-l", page], {
    env: { MANWIDTH: "80", MAN_KEEP_FORMATTING: "" },
  });
  await man.succeed();
  expect(man.stderr).toEqual([]);
  const text = man.stdout.join("\n");
  for (const word of WORDS) expect(text).toContain(`share ${word}`);
  for (const flag of [
    "--seed-ratio <ratio>",
    "--follow-symlinks",
    "--config <file>",
    "BOOJUM_LIMIT_UP",
    "130",
  ]) {
    expect(text).toContain(flag);
  }
});
