import { describe, expect, test } from "vitest";
import { checkHost } from "../../../src/protocol/host-rule.ts";

const allowed = { names: ["Workbench", "workbench.local", "share.example"] };

describe("checkHost", () => {
  test("passes any IP literal and says what it is", () => {
    expect(checkHost("192.168.1.20:6881", allowed)).toEqual({
      ok: true,
      host: "192.168.1.20",
      ip: Uint8Array.of(192, 168, 1, 20),
      port: 6881,
    });
    expect(checkHost("[::1]:80", allowed)).toMatchObject({ ok: true, host: "[::1]", port: 80 });
    expect(checkHost("[FE80::1%25eth0]", allowed)).toMatchObject({ ok: true, host: "[fe80::1]" });
    expect(checkHost("[::ffff:10.0.0.1]:6881", allowed)).toMatchObject({
      ok: true,
      host: "10.0.0.1",
      port: 6881,
    });
  });

  test.each([
    ["fd00:10:99::1:6881", "[fd00:10:99::1]", 6881],
    ["::1:80", "[::1]", 80],
    ["fe80::1%eth0:80", undefined, undefined],
    ["::1", "[::1]", undefined],
    ["fd00::abcd", "[fd00::abcd]", undefined],
    ["1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]", undefined],
    ["1:2:3:4:5:6:7:8:9", "[1:2:3:4:5:6:7:8]", 9],
  ])("reads %s as libtorrent means it, without brackets", (header, host, port) => {
    const verdict = checkHost(header, allowed);
    expect(verdict.ok ? [verdict.host, verdict.port] : [undefined, undefined]).toEqual([host, port]);
  });

  test.each([
    // Whoever reached port 80 has no port to name.
    ["2001:db8::a:1", 80, "[2001:db8::a:1]", undefined],
    ["::1", 80, "[::1]", undefined],
    ["2001:db8::a:80", 80, "[2001:db8::a]", 80],
    ["1:2:3:4:5:6:7:8:9", 80, "[1:2:3:4:5:6:7:8]", 9],
    ["[2001:db8::a]:1", 80, "[2001:db8::a]", 1],
    ["2001:db8::a:1", 6881, "[2001:db8::a]", 1],
    ["2001:db8::a:6881", 6881, "[2001:db8::a]", 6881],
  ])("reads %s, without brackets or with, at our port %i", (header, port, host, named) => {
    const verdict = checkHost(header, { ...allowed, port });
    expect(verdict.ok ? [verdict.host, verdict.port] : [undefined, undefined]).toEqual([host, named]);
  });

  test.each([
    "localhost",
    "LOCALHOST:6881",
    "workbench:6881",
    "Workbench.local",
    "workbench.local.:6881",
    "share.example",
  ])("passes our own name %s", (header) => {
    expect(checkHost(header, allowed).ok).toBe(true);
  });

  test.each([
    "evil.example:6881",
    "workbench.evil.example",
    "localhost.evil.example",
    "0x7f.1",
    "2130706433",
    "127.0.0.1.nip.io",
  ])("sends away the foreign name %s with 421", (header) => {
    expect(checkHost(header, allowed)).toEqual({ ok: false, status: 421 });
  });

  test.each([
    undefined,
    "",
    ":6881",
    "localhost:",
    "localhost:0",
    "localhost:65536",
    "localhost:68811111",
    "a b",
    "user@localhost",
    "[::1",
    "::g",
    "::1:",
    "1::2::3:80",
    "fd00::1:99999",
    "[1.2.3.4]x",
    "[1.2.3.4]",
    "[1:2]",
    "[::g]",
    "localhost/path",
    "localhost:80:80",
    "x".repeat(300),
    "loc\u0000alhost",
  ])("calls %j malformed: 400", (header) => {
    expect(checkHost(header, allowed)).toEqual({ ok: false, status: 400 });
  });
});
