import { describe, expect, it } from "vitest";
import { defaultInterfaces, localName, orderHosts } from "../../../src/platform/address-order.ts";

const address = (name: string, text: string) => ({ interface: name, address: text });
const facts = { addresses: [], defaultInterfaces: [], hostName: "studio" };

describe("orderHosts", () => {
  it("begins with the default route's interface, then the name, then the others", () => {
    const ordered = orderHosts({
      addresses: [
        address("docker0", "172.17.0.1"),
        address("wlan0", "192.168.1.20"),
        address("wlan0", "fe80::1%wlan0"),
        address("wlan0", "2001:db8::20"),
        address("eth0", "10.0.0.5"),
      ],
      defaultInterfaces: ["wlan0"],
      hostName: "Studio.example.org",
    });
    expect(ordered).toEqual({
      hosts: ["192.168.1.20", "studio.local", "[2001:db8::20]", "172.17.0.1", "10.0.0.5"],
      reach: "route",
    });
  });

  it("prefers the route with the better metric", () => {
    const addresses = [address("wlan0", "192.168.1.20"), address("eth0", "10.0.0.5")];
    expect(orderHosts({ ...facts, addresses, defaultInterfaces: ["eth0", "wlan0"] }).hosts[0]).toBe(
      "10.0.0.5",
    );
  });

  it("takes a private address when no route leads out", () => {
    const addresses = [address("a", "169.254.1.1"), address("b", "203.0.113.9"), address("c", "10.99.0.1")];
    expect(orderHosts({ ...facts, addresses })).toEqual({
      hosts: ["10.99.0.1", "studio.local", "203.0.113.9", "169.254.1.1"],
      reach: "private",
    });
  });

  it("works in a network that has only IPv6", () => {
    const addresses = [address("a", "fe80::1"), address("a", "fd00::0:1")];
    expect(orderHosts({ ...facts, addresses, defaultInterfaces: ["a"] }).hosts).toEqual([
      "[fd00::1]",
      "studio.local",
    ]);
  });

  it("falls back to loopback", () => {
    expect(orderHosts({ ...facts, addresses: [address("lo", "127.0.0.1"), address("lo", "::1")] })).toEqual({
      hosts: ["127.0.0.1"],
      reach: "loopback",
    });
  });

  it("names no address twice", () => {
    const addresses = ["a", "b", "c"].map((name) => address(name, "10.0.0.1"));
    const { hosts } = orderHosts({ ...facts, addresses: [address("z", "10.0.0.9"), ...addresses] });
    expect(hosts).toEqual(["10.0.0.9", "studio.local", "10.0.0.1"]);
  });
});

describe("localName", () => {
  it.each([
    ["studio", "studio.local"],
    ["STUDIO.lan", "studio.local"],
    ["studio.local", "studio.local"],
    ["localhost", undefined],
    ["", undefined],
    ["my_host", undefined],
    ["<b>", undefined],
  ])("makes of %j %j", (name, expected) => {
    expect(localName(name)).toBe(expected);
  });
});

describe("defaultInterfaces", () => {
  it("reads /proc/net/route, lowest metric first, rejecting routes and those that are down passed over", () => {
    const table = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
      "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0",
      "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0",
      "eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0",
      "tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000080\t0\t0\t0",
      "bad0\t00000000\t00000000\t0201\t0\t0\t1\t00000000\t0\t0\t0",
      "down0\t00000000\t00000000\t0002\t0\t0\t1\t00000000\t0\t0\t0",
      "",
    ].join("\n");
    expect(defaultInterfaces(table, 4)).toEqual(["eth0", "wlan0"]);
  });

  it("reads /proc/net/ipv6_route", () => {
    const zero = "0".repeat(32);
    const gateway = "fe80000000000000021122fffe334455";
    const table = [
      `${zero} 00 ${zero} 00 ${gateway} 00000400 00000001 00000000 00000003     eth0`,
      `fe800000000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001     eth1`,
      `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo`,
    ].join("\n");
    expect(defaultInterfaces(table, 6)).toEqual(["eth0"]);
  });

  it("finds nothing in nonsense", () => {
    expect([...defaultInterfaces("", 4), ...defaultInterfaces("x y z\n\n", 6)]).toEqual([]);
  });
});
