/** What packagers get: the service, as systemd itself judges it. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { commandPath } from "../support/command.ts";
import { useStage } from "../support/stage.ts";

const { at, run } = useStage();
const unit = fileURLToPath(new URL("../../packaging/share.service", import.meta.url));

it("the service has no mistakes by systemd's own check, and little that it may do", async () => {
  const verify = run("systemd-analyze", ["verify", "--man=no", unit]);
  expect([await verify.end(30_000), verify.stderr]).toEqual([0, []]);
  const security = run("systemd-analyze", ["security", "--offline=true", "--threshold=25", unit]);
  expect([await security.end(30_000), security.stdout.at(-1)]).toEqual([0, expect.stringContaining("OK")]);
});

it("the command of the service publishes with the settings of its environment, and stops cleanly", async () => {
  mkdirSync(at("served"));
  writeFileSync(at("served/file"), "some bytes");
  const text = readFileSync(unit, "utf8");
  const command = /^ExecStart=\/usr\/bin\/env share (.*)$/m
    .exec(text)?.[1]
    ?.replace("${SHARE_PATH}", at("served"));
  const set = [...text.matchAll(/^Environment=(BOOJUM_.*)$/gm)].flatMap(
    ([, words]) => words?.split(" ") ?? [],
  );
  const env = Object.fromEntries(set.map((word) => word.split("=", 2) as [string, string]));
  expect(env).toMatchObject({ BOOJUM_PORT: "6881" });
  const share = run(process.execPath, [commandPath, ...(command ?? "").split(" ")], {
    env: { ...env, BOOJUM_PORT: "0", BOOJUM_BIND: "127.0.0.1", BOOJUM_CACHE_DIR: at("cache") },
  });
  await share.until(({ stderr }) => stderr.find((line) => line.startsWith("ready")));
  expect(await share.stop("SIGINT")).toBe(0);
});

it("publishes for a user who is in no list and has no home, as a service's may be", async () => {
  mkdirSync(at("served"));
  writeFileSync(at("served/file"), "some bytes");
  chmodSync(at(), 0o755);
  const user = ["--reuid", "54321", "--regid", "54321", "--clear-groups", "env", "--unset=HOME"];
  const flags = ["--port", "0", "--bind", "127.0.0.1", "--no-qr"];
  const share = run("setpriv", [...user, process.execPath, commandPath, "publish", "served", ...flags]);
  await share.until(({ stderr }) => stderr.find((line) => line.startsWith("ready")));
  expect(await share.stop("SIGINT")).toBe(0);
  expect(share.stderr.join("\n")).toContain("--cache-dir");
});
