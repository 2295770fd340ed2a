/** The three ways to ask a gateway for a port, behind one face. */
import { formatIp, parseIp } from "../protocol/ip-address.ts";
import { type Asking, ask } from "./ask.ts";
import {
  CONFLICT,
  describeFault,
  type IgdService,
  ONLY_PERMANENT,
  soapCall,
  soapFault,
  textOf,
} from "./core/igd.ts";
import type { Answer, MapRequest, Protocol, Way } from "./core/mapping.ts";
import { encodeAddressRequest, encodeNatPmpMap, readAddressReply, readNatPmpMap } from "./core/nat-pmp.ts";
import { encodePcpMap, readPcpMap } from "./core/pcp.ts";
import { callGateway } from "./gateway-http.ts";

export interface Opener {
  readonly way: Way;
  /** IP literals: the gateway's, on our side, and ours, to which it leads what comes in. */
  readonly gateway: string;
  readonly own: string;
  /** Makes, renews, or with a lifetime of 0 ends a mapping. @returns undefined when no answer comes. */
  map(request: MapRequest, signal: AbortSignal): Promise<Answer | undefined>;
}

/** Where an opener stands. */
export interface Place {
  readonly gateway: string;
  /** 4 bytes. */
  readonly own: Uint8Array;
  readonly asking: Omit<Asking, "signal">;
}

/** @param nonces 12 bytes each, to be used by nobody else */
export function pcpOpener(place: Place, nonces: Readonly<Record<Protocol, Uint8Array>>): Opener {
  const { gateway, own, asking } = place;
  return {
    way: "PCP",
    gateway,
    own: formatIp(own),
    map: (request, signal) => {
      const full = { ...request, nonce: nonces[request.protocol], client: own };
      return ask(gateway, encodePcpMap(full), (bytes) => readPcpMap(bytes, full), { ...asking, signal });
    },
  };
}

export function natPmpOpener({ gateway, own, asking }: Place): Opener {
  return {
    way: "NAT-PMP",
    gateway,
    own: formatIp(own),
    map: async (request, signal) => {
      const how = { ...asking, signal };
      // First, since it changes nothing: whoever doesn't answer gets no more.
      const outside = await ask(gateway, encodeAddressRequest(), readAddressReply, how);
      if (outside?.kind !== "address") return outside?.kind === "refused" ? outside : undefined;
      const answer = await ask(
        gateway,
        encodeNatPmpMap(request),
        (bytes) => readNatPmpMap(bytes, request),
        how,
      );
      if (answer === undefined || answer.kind === "address") return undefined;
      return { ...answer, address: outside.address };
    },
  };
}

/** Other ports to try when somebody has the one we want. */
const OTHER_PORTS = 3;

/** @param otherPort any port that might be free there */
export function igdOpener({ type, control }: IgdService, own: Uint8Array, otherPort: () => number): Opener {
  const ownText = formatIp(own);
  const call = async (
    action: string,
    args: readonly (readonly [string, string])[],
    signal: AbortSignal,
  ): Promise<string | number | undefined> => {
    const headers = {
      "Content-Type": 'text/xml; charset="utf-8"',
      SOAPAction: `"${type}#${action}"`,
    };
    const body = soapCall(type, action, args);
    const answer = await callGateway(control, { source: ownText, headers, body, signal });
    if (answer === undefined) return undefined;
    return answer.status === 200 ? answer.text : soapFault(answer.text);
  };
  const outside = async (signal: AbortSignal) => {
    const told = await call("GetExternalIPAddress", [], signal);
    const text = typeof told === "string" ? textOf(told, "NewExternalIPAddress") : undefined;
    return parseIp(text ?? "");
  };
  const key = ({ protocol }: MapRequest, port: number) =>
    [
      ["NewRemoteHost", ""],
      ["NewExternalPort", String(port)],
      ["NewProtocol", protocol.toUpperCase()],
    ] as const;
  const add = (request: MapRequest, port: number, lifetime: number, signal: AbortSignal) =>
    call(
      "AddPortMapping",
      [
        ...key(request, port),
        ["NewInternalPort", String(request.port)],
        ["NewInternalClient", ownText],
        ["NewEnabled", "1"],
        ["NewPortMappingDescription", "Boojum"],
        ["NewLeaseDuration", String(lifetime)],
      ],
      signal,
    );
  const open = async (request: MapRequest, signal: AbortSignal): Promise<Answer | undefined> => {
    let { wanted: port, lifetime } = request;
    for (let tries = 0; ; tries++) {
      const answer = await add(request, port, lifetime, signal);
      if (answer === undefined) return undefined;
      if (typeof answer === "string")
        return { kind: "mapped", port, lifetime, address: await outside(signal) };
      if (answer === ONLY_PERMANENT && lifetime !== 0) lifetime = 0;
      else if (answer === CONFLICT && tries < OTHER_PORTS) port = otherPort();
      else return { kind: "refused", reason: describeFault(answer), address: await outside(signal) };
    }
  };
  const end = async (request: MapRequest, signal: AbortSignal): Promise<Answer | undefined> => {
    const { wanted: port } = request;
    const answer = await call("DeletePortMapping", key(request, port), signal);
    if (answer === undefined) return undefined;
    if (typeof answer === "number") return { kind: "refused", reason: describeFault(answer) };
    return { kind: "mapped", port, lifetime: 0, address: undefined };
  };
  return {
    way: "UPnP",
    gateway: control.hostname,
    own: ownText,
    map: (request, signal) => (request.lifetime === 0 ? end(request, signal) : open(request, signal)),
  };
}
