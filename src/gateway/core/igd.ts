/** UPnP's Internet Gateway Device: finding it (SSDP), reading what it describes, and calling it (SOAP). Texts only. */

export const SSDP_GROUP = "239.255.255.250";
export const SSDP_PORT = 1900;

/** The newer answers searches for the older one as well, or should. */
const TARGETS = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
] as const;
/** Those that map ports, the best first. */
const SERVICES = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
] as const;
/** A device has a handful; more than that is no gateway. */
const MAX_SERVICES = 64;

/** Of the errors that UPnP's gateways raise, those that we do something about. */
export const CONFLICT = 718;
export const ONLY_PERMANENT = 725;
const FAULTS: Readonly<Record<number, string>> = {
  401: "mapping is not supported",
  501: "the action failed",
  605: "the text is too long",
  606: "not authorized",
  715: "it wants to know from where",
  718: "the port is taken",
  724: "both ports must be the same",
  725: "only permanent mappings",
  728: "it has no ports left",
  729: "the port is taken",
};

/** The datagrams that ask for gateways. */
export function searchRequests(): readonly Uint8Array[] {
  return TARGETS.map((target) =>
    new TextEncoder().encode(
      `M-SEARCH * HTTP/1.1\r\nHOST: ${SSDP_GROUP}:${SSDP_PORT}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ${target}\r\n\r\n`,
    ),
  );
}

/**
 * Where a gateway describes itself, by its answer to a search. Anybody on the network can answer anything, so it must be
 * plain HTTP at the very address that the answer came from: nobody makes us ask anything of others.
 */
export function readSearchReply(bytes: Uint8Array, sender: string): URL | undefined {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 2_048));
  if (!/^HTTP\/1\.[01] 200\b/.test(text)) return undefined;
  const target = /^ST:[ \t]*(\S+)/im.exec(text)?.[1];
  if (target === undefined || !TARGETS.some((each) => each === target)) return undefined;
  return urlAt(/^LOCATION:[ \t]*(\S+)/im.exec(text)?.[1], undefined, sender);
}

/** A service of a gateway that maps ports. */
export interface IgdService {
  readonly type: string;
  readonly control: URL;
}

/** @param description the XML at `location`. @returns those that we can use, the best first. */
export function findServices(description: string, location: URL): readonly IgdService[] {
  const base = urlAt(textOf(description, "URLBase"), location, location.hostname) ?? location;
  const found: IgdService[] = [];
  for (const service of elements(description, "service")) {
    const type = textOf(service, "serviceType") ?? "";
    const control = urlAt(textOf(service, "controlURL"), base, location.hostname);
    if (control !== undefined && SERVICES.some((each) => each === type)) found.push({ type, control });
  }
  const rank = ({ type }: IgdService) => SERVICES.findIndex((each) => each === type);
  return found.sort((a, b) => rank(a) - rank(b));
}

/** What is between the tags of each element of that name, which holds none of its own kind. */
function elements(xml: string, name: string): readonly string[] {
  const found: string[] = [];
  const [open, close] = [`<${name}>`, `</${name}>`];
  for (let at = 0; found.length < MAX_SERVICES; ) {
    const start = xml.indexOf(open, at);
    const end = start < 0 ? -1 : xml.indexOf(close, start);
    if (end < 0) break;
    found.push(xml.slice(start + open.length, end));
    at = end;
  }
  return found;
}

/** The body of a call. @param args of our own making: numbers, addresses, plain words */
export function soapCall(type: string, action: string, args: readonly (readonly [string, string])[]): string {
  const inner = args.map(([name, value]) => `<${name}>${value}</${name}>`).join("");
  return (
    '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${type}">${inner}</u:${action}></s:Body></s:Envelope>\r\n`
  );
}

/** The number of the error that an answer tells; 0 when it tells none. */
export function soapFault(text: string): number {
  return Number(/^\d{1,4}$/.exec(textOf(text, "errorCode") ?? "")?.[0] ?? 0);
}

export function describeFault(code: number): string {
  return FAULTS[code] ?? (code === 0 ? "it answers with an error" : `error ${code}`);
}

/** The text of the first element of that name, whatever its namespace. */
export function textOf(xml: string, name: string): string | undefined {
  const found = new RegExp(`<(?:\\w+:)?${name}(?:\\s[^<>]*)?>([^<]*)<`).exec(xml)?.[1];
  return found?.trim().replace(/&(amp|lt|gt|quot|apos);/g, (_, entity: string) => ENTITIES[entity] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function urlAt(text: string | undefined, base: URL | undefined, host: string): URL | undefined {
  if (text === undefined || text === "" || !URL.canParse(text, base?.href)) return undefined;
  const url = new URL(text, base?.href);
  return url.protocol === "http:" && url.hostname === host ? url : undefined;
}
