import { describe, expect, it } from "vitest";
import {
  describeFault,
  findServices,
  readSearchReply,
  searchRequests,
  soapCall,
  soapFault,
  textOf,
} from "../../../src/gateway/core/igd.ts";
import {
  encodeAddressRequest,
  encodeNatPmpMap,
  readAddressReply,
  readNatPmpMap,
} from "../../../src/gateway/core/nat-pmp.ts";
import { encodePcpMap, readPcpMap } from "../../../src/gateway/core/pcp.ts";
import { fromHex, toHex } from "../../../src/protocol/bytes.ts";

const bytes = (hex: string) => fromHex(hex.replaceAll(" ", "")) ?? new Uint8Array(0);
const text = (value: string) => new TextEncoder().encode(value);
const asked = { protocol: "tcp", port: 6881, wanted: 6882, lifetime: 1200 } as const;

describe("PCP (RFC 6887)", () => {
  const nonce = bytes("0102030405060708090a0b0c");
  const request = { ...asked, nonce, client: Uint8Array.of(192, 168, 1, 20) };
  const header = "0201 0000 000004b0 00000000000000000000ffffc0a80114";
  const body = (port: string, address: string) =>
    `0102030405060708090a0b0c 06 000000 1ae1 ${port} ${address}`;

  it("asks for a port with the address that it asks from", () => {
    const hex = `${header} ${body("1ae2", "00000000000000000000ffff00000000")}`;
    expect(toHex(encodePcpMap(request))).toBe(hex.replaceAll(" ", ""));
  });

  it("asks for nothing outside when a mapping ends", () => {
    const ended = toHex(encodePcpMap({ ...request, protocol: "udp", lifetime: 0 }));
    expect(ended.slice(8, 16)).toBe("00000000");
    expect(ended.slice(72, 88)).toBe("110000001ae10000");
  });

  it("asks from an IPv6 address for a port of any", () => {
    const six = encodePcpMap({ ...request, client: bytes("fd000000000000000000000000000014") });
    expect(toHex(six.subarray(8, 24))).toBe("fd000000000000000000000000000014");
    expect(toHex(six.subarray(44))).toBe("0".repeat(32));
  });

  const reply = (result: string, port = "1ae3", address = "00000000000000000000ffffc6336407") =>
    bytes(`0281 00${result} 00000258 00000009 000000000000000000000000 ${body(port, address)}`);

  it("reads what is given", () => {
    const answer = { kind: "mapped", lifetime: 600, port: 6883, address: Uint8Array.of(198, 51, 100, 7) };
    expect(readPcpMap(reply("00"), request)).toEqual(answer);
  });

  it("reads why nothing is given, and the address when it is told all the same", () => {
    const none = "00000000000000000000ffff00000000";
    expect(readPcpMap(reply("02", "1ae2", none), request)).toEqual({
      kind: "refused",
      reason: "not authorized",
    });
    expect(readPcpMap(reply("08"), request)).toMatchObject({ address: Uint8Array.of(198, 51, 100, 7) });
    expect(readPcpMap(reply("63"), request)).toMatchObject({ reason: "result 99" });
  });

  it("understands a gateway that speaks only NAT-PMP", () => {
    expect(readPcpMap(bytes("0081 0001 00000009"), request)).toEqual({
      kind: "refused",
      reason: "it doesn't speak this version",
    });
  });

  it("takes no answer to another question for its own", () => {
    const answer = reply("00");
    expect(readPcpMap(answer, { ...request, nonce: new Uint8Array(12) })).toBeUndefined();
    expect(readPcpMap(answer, { ...request, nonce: request.nonce.with(11, 0) })).toBeUndefined();
    expect(readPcpMap(answer, { ...request, protocol: "udp" })).toBeUndefined();
    expect(readPcpMap(answer, { ...request, port: 6880 })).toBeUndefined();
    expect(readPcpMap(answer.subarray(0, 59), request)).toBeUndefined();
    expect(readPcpMap(encodePcpMap(request), request)).toBeUndefined();
  });
});

describe("NAT-PMP (RFC 6886)", () => {
  it("asks for the address and for a port", () => {
    expect(toHex(encodeAddressRequest())).toBe("0000");
    expect(toHex(encodeNatPmpMap(asked))).toBe("000200001ae11ae2000004b0");
    expect(toHex(encodeNatPmpMap({ ...asked, protocol: "udp", lifetime: 0 }))).toBe(
      "000100001ae1000000000000",
    );
  });

  it("reads the answers", () => {
    expect(readAddressReply(bytes("0080 0000 00000009 c6336407"))).toEqual({
      kind: "address",
      address: Uint8Array.of(198, 51, 100, 7),
    });
    expect(readNatPmpMap(bytes("0082 0000 00000009 1ae1 1ae3 00000258"), asked)).toEqual({
      kind: "mapped",
      port: 6883,
      lifetime: 600,
    });
    expect(readNatPmpMap(bytes("0082 0002 00000009 1ae1 0000 00000000"), asked)).toEqual({
      kind: "refused",
      reason: "not authorized",
    });
    // PCP's own answer to a version that it doesn't speak.
    expect(readAddressReply(bytes("0280 0001 00000000"))).toMatchObject({ kind: "refused" });
  });

  it("takes no answer to another question for its own", () => {
    expect(readNatPmpMap(bytes("0081 0000 00000009 1ae1 1ae3 00000258"), asked)).toBeUndefined();
    expect(readNatPmpMap(bytes("0082 0000 00000009 1ae0 1ae3 00000258"), asked)).toBeUndefined();
    expect(readNatPmpMap(bytes("0082 0000 00000009"), asked)).toBeUndefined();
    expect(readAddressReply(bytes("0080 0000 00000009 c633"))).toBeUndefined();
    expect(readAddressReply(bytes("0080 00"))).toBeUndefined();
  });
});

describe("UPnP", () => {
  const answer = (location: string, target = "urn:schemas-upnp-org:device:InternetGatewayDevice:1") =>
    text(
      `HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: ${target}\r\nEXT:\r\nLOCATION: ${location}\r\n\r\n`,
    );

  it("searches for both versions of a gateway", () => {
    const [first, second] = searchRequests().map((request) => new TextDecoder().decode(request));
    expect(first).toBe(
      'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\n' +
        "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n",
    );
    expect(second).toContain("InternetGatewayDevice:2");
  });

  it("asks nobody but the one who answered", () => {
    const from = (location: string) => readSearchReply(answer(location), "192.168.1.1")?.href;
    expect(from("http://192.168.1.1:5000/rootDesc.xml")).toBe("http://192.168.1.1:5000/rootDesc.xml");
    expect(from("http://127.0.0.1:631/")).toBeUndefined();
    expect(from("http://192.168.1.10/")).toBeUndefined();
    expect(from("https://192.168.1.1/")).toBeUndefined();
    expect(from("file:///etc/passwd")).toBeUndefined();
    expect(from("nonsense")).toBeUndefined();
    expect(readSearchReply(answer("http://192.168.1.1/", "upnp:rootdevice"), "192.168.1.1")).toBeUndefined();
    expect(readSearchReply(text("NOTIFY * HTTP/1.1\r\n\r\n"), "192.168.1.1")).toBeUndefined();
  });

  it("takes only whole answers to its own question for one", () => {
    const whole = new TextDecoder().decode(answer("http://192.168.1.1/"));
    const read = (reply: string) => readSearchReply(text(reply), "192.168.1.1")?.href;
    expect(read(whole.replaceAll(": ", ":"))).toBe("http://192.168.1.1/");
    expect(read(whole.replace("LOCATION: ", "location:\t "))).toBe("http://192.168.1.1/");
    expect(read(whole.replace("200 OK", "404 Not Found"))).toBeUndefined();
    expect(read(`NOTIFY * HTTP/1.1\r\n${whole}`)).toBeUndefined();
    expect(read(whole.replace(/LOCATION.*\r\n/, ""))).toBeUndefined();
    expect(read(whole.replace(/ST:.*\r\n/, ""))).toBeUndefined();
    expect(read(whole.replace("ST:", "NEXT-ST:"))).toBeUndefined();
    expect(read(whole.replace("LOCATION:", "X-LOCATION:"))).toBeUndefined();
  });

  const location = new URL("http://192.168.1.1:5000/rootDesc.xml");
  const service = (type: string, control: string) =>
    `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType><serviceId>x</serviceId>` +
    `<controlURL>${control}</controlURL></service>`;

  it("finds the services that map ports, the best first, wherever they are", () => {
    const description =
      `<?xml version="1.0"?><root><device><serviceList>${service("Layer3Forwarding:1", "/l3")}</serviceList>` +
      `<deviceList><device><serviceList>${service("WANPPPConnection:1", "ppp")}</serviceList></device><device>` +
      `<serviceList>${service("WANIPConnection:1", "/ctl/IPConn?a=1&amp;b=2")}</serviceList></device></deviceList></device></root>`;
    expect(findServices(description, location).map(({ control }) => control.href)).toEqual([
      "http://192.168.1.1:5000/ctl/IPConn?a=1&b=2",
      "http://192.168.1.1:5000/ppp",
    ]);
  });

  it("lets no description lead elsewhere", () => {
    const there = service("WANIPConnection:1", "http://192.168.1.10/admin");
    expect(findServices(there, location)).toEqual([]);
    const based = `<URLBase>http://192.168.1.10/</URLBase>${service("WANIPConnection:1", "/ctl")}`;
    expect(findServices(based, location).map(({ control }) => control.hostname)).toEqual(["192.168.1.1"]);
  });

  it("calls below the base that a description names", () => {
    const based = `<URLBase>http://192.168.1.1:49152/igd/</URLBase>${service("WANIPConnection:2", "ctl")}`;
    expect(findServices(based, location)).toEqual([
      {
        type: "urn:schemas-upnp-org:service:WANIPConnection:2",
        control: new URL("http://192.168.1.1:49152/igd/ctl"),
      },
    ]);
  });

  it("finds nothing to call in what is cut off, empty, or nameless", () => {
    const whole = service("WANIPConnection:1", "/ctl");
    expect(findServices(whole, location)).toHaveLength(1);
    expect(findServices("", location)).toEqual([]);
    expect(findServices(whole.replace("</service>", ""), location)).toEqual([]);
    expect(findServices(whole.replace("/ctl", ""), location)).toEqual([]);
    expect(findServices(whole.replaceAll("controlURL", "eventSubURL"), location)).toEqual([]);
  });

  it("looks at 64 services and no more", () => {
    const other = service("Layer3Forwarding:1", "/l3");
    const mapper = service("WANIPConnection:1", "/ctl");
    expect(findServices(other.repeat(63) + mapper, location)).toHaveLength(1);
    expect(findServices(other.repeat(64) + mapper, location)).toEqual([]);
  });

  it("calls and understands the answer", () => {
    const args = [
      ["NewExternalPort", "6881"],
      ["NewProtocol", "TCP"],
    ] as const;
    expect(soapCall("urn:x:1", "DeletePortMapping", args)).toBe(
      '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body><u:DeletePortMapping xmlns:u="urn:x:1">' +
        "<NewExternalPort>6881</NewExternalPort><NewProtocol>TCP</NewProtocol>" +
        "</u:DeletePortMapping></s:Body></s:Envelope>\r\n",
    );
    const fault =
      '<s:Fault><detail><UPnPError xmlns="urn:x"><errorCode>718</errorCode></UPnPError></detail></s:Fault>';
    expect(soapFault(fault)).toBe(718);
    expect(describeFault(718)).toBe("the port is taken");
    expect(describeFault(799)).toBe("error 799");
    expect(describeFault(0)).toBe("it answers with an error");
    for (const odd of ["\x1b[2J", "718x", "x718", "71800", ""]) {
      expect(soapFault(`<errorCode>${odd}</errorCode>`)).toBe(0);
    }
    expect(soapFault("")).toBe(0);
    expect(
      textOf("<m:NewExternalIPAddress a='1'> 1.2.3.4 </m:NewExternalIPAddress>", "NewExternalIPAddress"),
    ).toBe("1.2.3.4");
  });
});
