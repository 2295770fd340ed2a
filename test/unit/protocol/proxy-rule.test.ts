import { describe, expect, it } from "vitest";
import { type Network, originOf, parseNetwork } from "../../../src/protocol/proxy-rule.ts";

function trust(...texts: string[]): Network[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}

function arrival(remote: string, headers: Record<string, string[]>) {
  return { remote, headers };
}

describe("parseNetwork", () => {
  it.each(["", "a", "10.0.0.1/33", "::1/129", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0", "10.0.0.1/"])(
    "refuses %j",
    (text) => {
      expect(parseNetwork(text)).toBeUndefined();
    },
  );
});

describe("originOf", () => {
  const said = {
    "x-forwarded-for": ["198.51.100.7"],
    "x-forwarded-proto": ["https"],
    "x-forwarded-host": ["files"],
  };

  it("believes a trusted proxy", () => {
    const origin = { address: "198.51.100.7", proxied: true, scheme: "https", host: "files" };
    for (const trusted of ["10.0.0.2", "10.0.0.0/30", "10.0.0.0/8", "0.0.0.0/0", "::ffff:10.0.0.2"]) {
      expect(originOf(arrival("10.0.0.2", said), trust(trusted))).toEqual(origin);
    }
    expect(originOf(arrival("::ffff:10.0.0.2", said), trust("10.0.0.2"))).toEqual(origin);
    expect(originOf(arrival("fd00::5", said), trust("fd00::/8"))).toEqual(origin);
  });

  it("believes nobody else, and is told nothing by a proxy that doesn't say for whom it asks", () => {
    for (const [remote, trusted] of [
      ["10.0.0.2", []],
      ["10.0.0.4", ["10.0.0.0/30"]],
      ["10.0.0.3", ["10.0.0.2/32"]],
      ["::1", ["127.0.0.1", "0.0.0.0/0"]],
      ["", ["0.0.0.0/0"]],
    ] as const) {
      const direct = { address: remote, proxied: false, scheme: "http" };
      expect(originOf(arrival(remote, said), trust(...trusted))).toEqual(direct);
    }
    const { "x-forwarded-for": _, ...rest } = said;
    expect(originOf(arrival("10.0.0.2", rest), trust("10.0.0.2"))).toMatchObject({ proxied: false });
  });

  it("takes what stands before the last proxy that it trusts for hearsay", () => {
    const trusted = trust("10.0.0.0/8");
    const from = (...lines: string[]) =>
      originOf(arrival("10.0.0.2", { "x-forwarded-for": lines }), trusted).address;
    expect(from("1.1.1.1, 203.0.113.9, 10.0.0.3")).toBe("203.0.113.9");
    expect(from("1.1.1.1", "203.0.113.9, 10.0.0.3", "10.0.0.4")).toBe("203.0.113.9");
    expect(from("10.0.0.8, 10.0.0.9")).toBe("10.0.0.8");
    expect(from("1.1.1.1, nonsense, 10.0.0.9")).toBe("10.0.0.9");
    expect(from("nonsense")).toBe("10.0.0.2");
    expect(from("::ffff:203.0.113.9")).toBe("203.0.113.9");
    expect(from(`1.1.1.1${", 10.0.0.9".repeat(100)}`)).toBe("10.0.0.9");
  });

  it("reads a scheme that it knows, and a host only when there is one", () => {
    const at = (headers: Record<string, string[]>) =>
      originOf(arrival("10.0.0.2", { "x-forwarded-for": ["1.1.1.1"], ...headers }), trust("10.0.0.2"));
    expect(at({ "x-forwarded-proto": ["http, HTTPS"] }).scheme).toBe("https");
    expect(at({ "x-forwarded-proto": ["javascript"] }).scheme).toBe("http");
    expect(at({ "x-forwarded-host": ["a, b"] }).host).toBeUndefined();
    expect(at({}).host).toBeUndefined();
  });
});
