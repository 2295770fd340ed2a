/** A receiver without internet, and without the program, gets both from the publisher by `npx`. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { Child, run } from "../support/child.ts";
import { ShareProcess } from "../support/command.ts";
import { digestFile, noise, scratch } from "../support/data.ts";

const place = scratch();
const running: Child[] = [];
afterAll(async () => {
  await Promise.all(running.map((child) => child.stop()));
  place.remove();
});

function at(...parts: string[]): string {
  return path.join(place.dir, ...parts);
}

it("runs from the publisher's own copy where nothing else can be reached", async () => {
  // The namespace has no way out: what npm would fetch besides would fail.
  expect(await run("ip", ["route"])).not.toMatch(/^default/m);
  writeFileSync(at("file.bin"), noise(500_000, 1));
  const flags = ["--bind", "10.99.0.1", "--cache-dir", at("cache"), "--password", "snark"];
  const publisher = new ShareProcess([at("file.bin"), ...flags], {});
  running.push(publisher);
  const url = String((await publisher.event("ready"))["url"]).replace("127.0.0.1", "10.99.0.1");
  const { origin } = new URL(url);

  // No secret, and needed by those who have only the password; always the same bytes.
  const digests = new Set<string>();
  for (let i = 0; i < 2; i++) {
    const answer = await fetch(`${origin}/boojum.tgz`);
    expect(answer.status).toBe(200);
    digests.add(
      createHash("sha256")
        .update(Buffer.from(await answer.arrayBuffer()))
        .digest("hex"),
    );
  }
  expect(digests.size).toBe(1);

  mkdirSync(at("home"));
  const env = {
    HOME: at("home"),
    npm_config_cache: at("npm"),
    npm_config_update_notifier: "false",
    BOOJUM_PASSWORD: "snark",
  };
  const npx = new Child("npx", ["--yes", `${origin}/boojum.tgz`, "get", url, "-o", at("out")], {
    cwd: at("home"),
    env,
  });
  running.push(npx);
  expect([await npx.end(60_000), npx.describe()]).toEqual([0, expect.anything()]);
  expect(await digestFile(at("out", "file.bin"))).toBe(await digestFile(at("file.bin")));
});
