import { describe, expect, it } from "vitest";
import { gatewayFromNetstat, gatewayFromProc } from "../../../src/platform/default-gateway.ts";

const header =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                 \n";

describe("the gateway of the default route", () => {
  it("is read from Linux's table, the one with the lowest metric", () => {
    const table =
      `${header}wlan0\t00000000\t014DA8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n` +
      "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" +
      "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
    expect(gatewayFromProc(table)).toBe("192.168.1.1");
  });

  it.each([
    ["is down", "eth0\t00000000\t0101A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0"],
    ["has no gateway", "eth0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0"],
    ["is of one network", "eth0\t0000000A\t0101A8C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0"],
    ["is none", "nonsense"],
  ])("isn't taken from a route that %s", (_, line) => {
    expect(gatewayFromProc(`${header}${line}\n`)).toBeUndefined();
  });

  it("is read from what macOS tells", () => {
    const table =
      "Routing tables\n\nInternet:\nDestination        Gateway            Flags           Netif Expire\n" +
      "default            192.168.1.1        UGScg             en0\n127                127.0.0.1          UCS               lo0\n\n" +
      "Internet6:\ndefault                                 fe80::%utun0                            UGcIg           utun0\n";
    expect(gatewayFromNetstat(table)).toBe("192.168.1.1");
    expect(gatewayFromNetstat("default  link#12  UCSIg  utun3\n")).toBeUndefined();
  });

  it("is read from what Windows tells, in any language", () => {
    const table =
      "IPv4-Routentabelle\r\n=====\r\nAktive Routen:\r\n     Netzwerkziel    Netzwerkmaske          Gateway    Schnittstelle Metrik\r\n" +
      "          0.0.0.0          0.0.0.0      192.168.1.1     192.168.1.20     25\r\n" +
      "        127.0.0.0        255.0.0.0   Auf Verbindung         127.0.0.1    331\r\n";
    expect(gatewayFromNetstat(table)).toBe("192.168.1.1");
  });
});
