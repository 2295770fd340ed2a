/** Which HTTP proxy a request goes through, by the variables that curl and most programs read. Pure. */
import { ipScope, parseIp, unmapIp } from "../../protocol/ip-address.ts";
import { isWithin, type Network, parseNetwork } from "../../protocol/proxy-rule.ts";
import { credentialsIn } from "../../protocol/urls.ts";

export interface Proxy {
  /** It is spoken to over TLS. */
  readonly secure: boolean;
  /** A name or an IP literal, without brackets. */
  readonly host: string;
  readonly port: number;
  /** `NAME:PASSWORD`, decoded; a secret, not for messages. */
  readonly credentials: string | undefined;
  /** `HOST:PORT`, for messages. */
  readonly label: string;
  /** The variable that names it, for messages. */
  readonly variable: string;
}

/** A variable names something that can't be used; it must not be passed over in silence. */
export interface UnusableProxy {
  readonly problem: string;
}

/** What the environment says. */
export interface ProxyRules {
  readonly http: Proxy | UnusableProxy | undefined;
  readonly https: Proxy | UnusableProxy | undefined;
  readonly exceptions: readonly Exception[];
}

type Exception =
  | { readonly kind: "everything" }
  | { readonly kind: "network"; readonly network: Network; readonly port: number | undefined }
  /** The name itself and all below it. */
  | { readonly kind: "name"; readonly name: string; readonly port: number | undefined };

export type Environment = Readonly<Record<string, string | undefined>>;

export const NO_PROXIES: ProxyRules = { http: undefined, https: undefined, exceptions: [] };

/**
 * Reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, the last three in capitals, too. `HTTP_PROXY` is not
 * read: where a web server starts us, a visitor sets it by a `Proxy:` header (CVE-2016-5385).
 */
export function readProxyRules(env: Environment): ProxyRules {
  const all = firstSet(env, ["all_proxy", "ALL_PROXY"]);
  return {
    http: firstSet(env, ["http_proxy"]) ?? all,
    https: firstSet(env, ["https_proxy", "HTTPS_PROXY"]) ?? all,
    exceptions: (env["no_proxy"] ?? env["NO_PROXY"] ?? "").split(/[\s,]+/).flatMap(parseException),
  };
}

function firstSet(env: Environment, variables: readonly string[]): Proxy | UnusableProxy | undefined {
  for (const variable of variables) {
    const text = env[variable]?.trim() ?? "";
    if (text !== "") return parseProxy(variable, text);
  }
  return undefined;
}

function parseProxy(variable: string, text: string): Proxy | UnusableProxy {
  const whole = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  // What it says is not repeated: there may be a password in it.
  if (url === undefined || url.hostname === "") return { problem: `${variable} is not the URL of a proxy` };
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return {
      problem: `${variable} names a ${url.protocol.slice(0, -1)} proxy, and only HTTP ones can be used`,
    };
  }
  const secure = url.protocol === "https:";
  const credentials = credentialsIn(url);
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { secure, host, port, credentials, label: `${url.hostname}:${port}`, variable };
}

function parseException(entry: string): Exception[] {
  if (entry === "*") return [{ kind: "everything" }];
  const [, host = "", digits] =
    /^(\[[^\]]*\]|[^:]*|[\da-f:.]*:[\da-f:.]*:[\da-f:./]*)(?::(\d{1,5}))?$/i.exec(entry) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const network = parseNetwork(host.replace(/^\[|\]$/g, ""));
  if (network !== undefined) return [{ kind: "network", network, port }];
  const name = canonicalName(host.replace(/^\*?\./, ""));
  return name === "" ? [] : [{ kind: "name", name, port }];
}

/** How `target` is reached: undefined: directly. */
export function proxyFor(target: URL, rules: ProxyRules): Proxy | UnusableProxy | undefined {
  const proxy = target.protocol === "https:" ? rules.https : rules.http;
  if (proxy === undefined) return undefined;
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const port = Number(target.port) || (target.protocol === "https:" ? 443 : 80);
  const address = parseIp(host);
  if (address === undefined ? isLocalName(canonicalName(host)) : ipScope(unmapIp(address)) !== "public") {
    return undefined;
  }
  const isExcepted = rules.exceptions.some((exception) => fits(exception, host, port));
  return isExcepted ? undefined : proxy;
}

/**
 * Names without a dot and those of mDNS mean machines of this network, as do local addresses. A proxy stands at its
 * border: it could not reach them, or would have to be asked for what lies next to us.
 */
function isLocalName(name: string): boolean {
  return !name.includes(".") || name.endsWith(".local") || name.endsWith(".localhost");
}

function fits(exception: Exception, host: string, port: number): boolean {
  if (exception.kind === "everything") return true;
  if (exception.port !== undefined && exception.port !== port) return false;
  if (exception.kind === "network") return isWithin(host, [exception.network]);
  const name = canonicalName(host);
  return name === exception.name || name.endsWith(`.${exception.name}`);
}

function canonicalName(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}
