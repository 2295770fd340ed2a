/** Finding UPnP's gateways on the network (SSDP). */
import { askMulticast } from "../platform/multicast-question.ts";
import type { Clock, Millis } from "../protocol/ambient.ts";
import { findServices, type IgdService, SSDP_GROUP, SSDP_PORT, searchRequests } from "./core/igd.ts";
import { SearchAnswers } from "./core/search-answers.ts";
import { callGateway } from "./gateway-http.ts";

/** They may take a second before they answer. */
const PATIENCE: Millis = 2_500;
/** The question may be lost. */
const AGAIN: Millis = 600;
/** UPnP Device Architecture 1.1, 1.3.2. */
const HOPS = 2;

export interface SearchOptions {
  /** The address of ours from which we ask: its network is asked. */
  readonly source: string;
  /** Where the default route leads: nobody else is waited for once it has answered. */
  readonly expected: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** @returns services that map ports, of all gateways there, the expected gateway's first. */
export async function findGatewayServices(options: SearchOptions): Promise<readonly IgdService[]> {
  const { source, signal } = options;
  const locations = await search(options);
  const services: IgdService[] = [];
  for (const location of locations) {
    const described = await callGateway(location, { source, signal });
    if (described?.status === 200) services.push(...findServices(described.text, location));
  }
  return services;
}

/** @returns where gateways describe themselves, the expected one first. */
async function search({ source, expected, clock, signal }: SearchOptions): Promise<readonly URL[]> {
  const found = new SearchAnswers(expected);
  let settle = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  if (signal.aborted) settle();
  signal.addEventListener("abort", settle, { once: true });
  const asker = askMulticast({
    source,
    group: SSDP_GROUP,
    port: SSDP_PORT,
    hops: HOPS,
    onAnswer: (bytes, host) => {
      if (!found.add(bytes, host)) return;
      if (host === expected) settle();
    },
    onError: settle,
  });
  const send = () => {
    for (const request of searchRequests()) asker.send(request);
  };
  send();
  const timers = [clock.after(AGAIN, send), clock.after(PATIENCE, settle)];
  await settled;
  signal.removeEventListener("abort", settle);
  for (const timer of timers) timer.cancel();
  asker.close();
  return found.locations;
}
