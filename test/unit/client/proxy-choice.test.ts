import { describe, expect, it } from "vitest";
import { proxyFor, readProxyRules } from "../../../src/client/core/proxy-choice.ts";

const set = { http_proxy: "http://proxy.example:3128", https_proxy: "proxy.example:3129" };

/** `HOST:PORT` of the proxy, `directly`, or why neither. */
function way(url: string, env: Readonly<Record<string, string>>): string {
  const proxy = proxyFor(new URL(url), readProxyRules(env));
  if (proxy === undefined) return "directly";
  return "problem" in proxy ? proxy.problem : proxy.label;
}

describe("a proxy from the environment", () => {
  it("is taken by scheme, in either case but for HTTP_PROXY, which a web server's visitor can set", () => {
    expect(way("http://files.example/x", set)).toBe("proxy.example:3128");
    expect(way("https://files.example/x", set)).toBe("proxy.example:3129");
    expect(way("https://files.example/x", { HTTPS_PROXY: "http://a" })).toBe("a:80");
    expect(way("http://files.example/x", { HTTP_PROXY: "http://evil.example" })).toBe("directly");
    expect(way("http://files.example/x", { ALL_PROXY: "https://a" })).toBe("a:443");
    expect(way("http://files.example/x", { http_proxy: "", all_proxy: "http://b:1" })).toBe("b:1");
    expect(way("http://files.example/x", {})).toBe("directly");
  });

  it("is not used for local addresses and names: it stands at the border of the network", () => {
    for (const host of [
      "127.0.0.1",
      "192.168.1.20",
      "10.0.0.1",
      "169.254.3.4",
      "100.64.0.1",
      "[::1]",
      "[fd00::1]",
      "[fe80::1]",
      "[::ffff:192.168.1.20]",
      "localhost",
      "nas",
      "desk.local",
      "DESK.LOCAL.",
    ]) {
      expect(way(`http://${host}:6881/s/k3f9x2`, set), host).toBe("directly");
    }
    for (const host of ["198.51.100.1", "[2001:db8::1]", "a.localdomain", "notlocal.example"]) {
      expect(way(`http://${host}:6881/s/k3f9x2`, set), host).toBe("proxy.example:3128");
    }
  });

  it.each([
    ["*", "http://files.example", "directly"],
    ["files.example", "http://FILES.example", "directly"],
    ["files.example", "http://a.files.example:81", "directly"],
    [".files.example", "http://files.example", "directly"],
    ["*.files.example", "http://a.files.example", "directly"],
    ["files.example", "http://otherfiles.example", "proxy.example:3128"],
    ["files.example:81", "http://files.example:81", "directly"],
    ["files.example:81", "http://files.example", "proxy.example:3128"],
    ["files.example:443", "https://files.example", "directly"],
    ["a.example, 198.51.100.0/24", "http://198.51.100.9", "directly"],
    ["198.51.100.0/24", "http://198.51.101.9", "proxy.example:3128"],
    ["198.51.100.9 b.example", "http://198.51.100.9:6881", "directly"],
    ["[2001:db8::1]:81", "http://[2001:db8::1]:81", "directly"],
    ["2001:db8::/32", "http://[2001:db8::7]", "directly"],
    ["2001:db8::/32", "http://[2001:db9::7]", "proxy.example:3128"],
    [",,:, /", "http://files.example", "proxy.example:3128"],
  ])("no_proxy=%j leaves out %s: %s", (exceptions, url, expected) => {
    expect(way(url, { ...set, no_proxy: exceptions })).toBe(expected);
    expect(way(url, { ...set, NO_PROXY: exceptions })).toBe(expected);
  });

  it("has its name and password decoded, and out of sight", () => {
    const { http } = readProxyRules({ http_proxy: "http://me:p%40ss@proxy.example:3128/" });
    expect(http).toMatchObject({ credentials: "me:p@ss", label: "proxy.example:3128", secure: false });
  });

  it("is not passed over when it can't be used, and its text is not repeated", () => {
    expect(way("http://a.example", { all_proxy: "socks5h://me:secret@b:1080" })).toBe(
      "all_proxy names a socks5h proxy, and only HTTP ones can be used",
    );
    expect(way("http://a.example", { http_proxy: "http://me:secret@:x" })).toBe(
      "http_proxy is not the URL of a proxy",
    );
  });

  it("is read whole: how it's spoken to, where, and which variable says so", () => {
    expect(
      readProxyRules({ https_proxy: " https://[2001:db8::1]:8443 ", all_proxy: "proxy.example" }),
    ).toEqual({
      http: {
        secure: false,
        host: "proxy.example",
        port: 80,
        credentials: undefined,
        label: "proxy.example:80",
        variable: "all_proxy",
      },
      https: {
        secure: true,
        host: "2001:db8::1",
        port: 8443,
        credentials: undefined,
        label: "[2001:db8::1]:8443",
        variable: "https_proxy",
      },
      exceptions: [],
    });
  });

  it("is that of its scheme before that for all, in small letters before capitals", () => {
    const variables = { https_proxy: "a", HTTPS_PROXY: "b", all_proxy: "c", ALL_PROXY: "d" };
    const used = (...left: readonly (keyof typeof variables)[]) =>
      way("https://files.example", Object.fromEntries(left.map((name) => [name, variables[name]])));
    expect(used("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")).toBe("a:80");
    expect(used("HTTPS_PROXY", "all_proxy", "ALL_PROXY")).toBe("b:80");
    expect(used("all_proxy", "ALL_PROXY")).toBe("c:80");
    expect(used("ALL_PROXY")).toBe("d:80");
  });

  it("is passed over when it's only blank", () => {
    expect(way("http://files.example", { http_proxy: "  ", all_proxy: "b:1" })).toBe("b:1");
  });

  it.each([
    ["me@", "me:"],
    [":pass@", ":pass"],
    ["me:100%@", "me:100%"],
    ["", undefined],
  ])("has the credentials of %j", (userinfo, credentials) => {
    const { http } = readProxyRules({ http_proxy: `http://${userinfo}proxy.example` });
    expect(http).toMatchObject({ credentials });
  });

  it.each([
    ["ftp://b", "all_proxy names a ftp proxy, and only HTTP ones can be used"],
    ["http://", "all_proxy is not the URL of a proxy"],
    ["socks5:///", "all_proxy is not the URL of a proxy"],
    ["HTTPS://b", "b:443"],
    ["my-proxy.example:81", "my-proxy.example:81"],
  ])("that is %s is understood as: %s", (text, expected) => {
    expect(way("http://files.example", { all_proxy: text })).toBe(expected);
  });

  it.each([
    ["b.example", "directly"],
    ["www.b.example", "directly"],
    ["B.Example.", "directly"],
    ["b.example.org", "proxy.example:3128"],
    ["bb.example", "proxy.example:3128"],
    ["printer.localhost", "directly"],
    ["localhost.example", "proxy.example:3128"],
    ["100.64.0.1", "directly"],
    ["100.128.0.1", "proxy.example:3128"],
  ])("isn't used for exceptions nor for this network: %s is reached: %s", (host, expected) => {
    expect(way(`http://${host}/`, { ...set, no_proxy: "a.example,B.Example." })).toBe(expected);
  });

  it.each([
    ["2001:db8::1", "http://[2001:db8::1]:6881", "directly"],
    ["[2001:db8::1]", "http://[2001:db8::1]:6881", "directly"],
    ["[2001:db8::1]:82", "http://[2001:db8::1]:81", "proxy.example:3128"],
    ["198.51.100.9:81", "http://198.51.100.9:81", "directly"],
    ["198.51.100.9:81", "http://198.51.100.9:82", "proxy.example:3128"],
    ["*.files.example:81", "http://a.files.example:82", "proxy.example:3128"],
    ["*", "http://[2001:db8::1]", "directly"],
    ["*files.example", "http://files.example", "proxy.example:3128"],
    ["files.example:123456", "http://files.example", "proxy.example:3128"],
    ["files.example:80", "http://files.example", "directly"],
    ["files.example:80", "https://files.example", "proxy.example:3129"],
    [".", "http://files.example", "proxy.example:3128"],
    ["x\ty,,files.example", "http://files.example", "directly"],
  ])("no_proxy=%j leaves out %s: %s", (exceptions, url, expected) => {
    expect(way(url, { ...set, no_proxy: exceptions })).toBe(expected);
  });
});
