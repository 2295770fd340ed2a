/** Gateways that do as they like: what a scripted one gets us to do, and what not. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { callGateway } from "../../src/gateway/gateway-http.ts";
import { igdOpener } from "../../src/gateway/openers.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const servers: Server[] = [];
const { signal } = new AbortController();

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<URL> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server's address is no path.
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/ctl`);
}

const type = "urn:schemas-upnp-org:service:WANIPConnection:1";
const own = Uint8Array.of(127, 0, 0, 1);
const asked = { protocol: "tcp", port: 6881, wanted: 6881, lifetime: 1200 } as const;
const fault = (code: number) =>
  `<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>`;

/** @param addReplies what AddPortMapping is answered with, one after the other: an error's number, or 0 */
async function gateway(...addReplies: number[]) {
  const calls: string[] = [];
  const control = await serve((request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += String(part);
    });
    request.on("end", () => {
      const field = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(body)?.[1] ?? "";
      const action = String(request.headers["soapaction"]).replace(/^.*#|"/g, "");
      const args = ["NewExternalPort", "NewProtocol", "NewLeaseDuration"].map(field);
      calls.push([action, ...args].join(" ").trim());
      const code = action === "AddPortMapping" ? (addReplies.shift() ?? 0) : 0;
      response.statusCode = code === 0 ? 200 : 500;
      if (code !== 0) response.end(fault(code));
      else response.end("<u:R><NewExternalIPAddress>198.51.100.7</NewExternalIPAddress></u:R>");
    });
  });
  const others = [50_001, 50_002, 50_003];
  return { calls, opener: igdOpener({ type, control }, own, () => others.shift() ?? 0) };
}

describe("a UPnP gateway", () => {
  const address = Uint8Array.of(198, 51, 100, 7);

  it("on which somebody else has the port is asked for another one", async () => {
    const { opener, calls } = await gateway(718, 718);
    expect(await opener.map(asked, signal)).toEqual({
      kind: "mapped",
      port: 50_002,
      lifetime: 1200,
      address,
    });
    await opener.map({ ...asked, wanted: 50_002, lifetime: 0 }, signal);
    expect(calls).toEqual([
      "AddPortMapping 6881 TCP 1200",
      "AddPortMapping 50001 TCP 1200",
      "AddPortMapping 50002 TCP 1200",
      "GetExternalIPAddress",
      "DeletePortMapping 50002 TCP",
    ]);
  });

  it("that knows no time gets a mapping without one", async () => {
    const { opener, calls } = await gateway(725);
    expect(await opener.map(asked, signal)).toMatchObject({ kind: "mapped", port: 6881, lifetime: 0 });
    expect(calls).toContain("AddPortMapping 6881 TCP 0");
  });

  it.each([
    [[606], "not authorized"],
    [[501], "the action failed"],
    [[718, 718, 718, 718], "the port is taken"],
    [[725, 725], "only permanent mappings"],
    [[999], "error 999"],
  ])("that answers %j isn't asked for ever", async (replies, reason) => {
    const { opener, calls } = await gateway(...replies);
    expect(await opener.map(asked, signal)).toEqual({ kind: "refused", reason, address });
    expect(calls.filter((call) => call.startsWith("Add"))).toHaveLength(replies.length);
  });

  it("that sends without end, or sends us elsewhere, gets no further", async () => {
    const asks: string[] = [];
    const endless = await serve((_, response) => {
      const more = () => {
        while (response.write("x".repeat(65_536)));
        response.once("drain", more);
      };
      more();
    });
    expect(await callGateway(endless, { source: "127.0.0.1", signal })).toBeUndefined();
    const elsewhere = await serve((request, response) => {
      asks.push(request.url ?? "");
      response.writeHead(302, { Location: "/secret" }).end();
    });
    expect(await callGateway(elsewhere, { source: "127.0.0.1", signal })).toEqual({ status: 302, text: "" });
    expect(asks).toEqual(["/ctl"]);
  });

  it("that takes the connection for something else is left at once", async () => {
    const other = await serve(() => {});
    servers.at(-1)?.on("connection", (socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    });
    expect(await callGateway(other, { source: "127.0.0.1", signal })).toBeUndefined();
  });

  it("that never answers is left when we stop", async () => {
    const silent = await serve(() => {});
    const stopping = new AbortController();
    const answer = callGateway(silent, { source: "127.0.0.1", signal: stopping.signal });
    setTimeout(() => stopping.abort(), 50);
    expect(await answer).toBeUndefined();
  });
});

it("nobody is asked for a port that only this machine can reach", async () => {
  const publisher = stage.publish(import.meta.filename, "--upnp");
  await publisher.event("ready");
  expect(publisher.events).toContainEqual({
    event: "warning",
    code: "upnp",
    message:
      "The port isn't opened to the outside: bound to loopback, it can't be reached from there (--bind).",
  });
  expect(await publisher.stop()).toBe(0);
});
