/** Says why others can't reach this machine, or why this machine can't get a source, step by step. */
import { interfaceStates } from "../../platform/addresses.ts";
import type { CheckEvent, DiagnosisEvent } from "../events.ts";
import { type Source, sourceOf } from "../source.ts";
import { Checkup } from "./checkup.ts";
import { checkMachine } from "./machine.ts";
import { checkMulticast } from "./multicast.ts";
import { checkSource, type ProbeOptions } from "./source.ts";
import { messageOf } from "./way.ts";

export interface ExamineEvents {
  /** Told of each step as it is done. */
  readonly onEvent: (event: CheckEvent) => void;
}

export interface MachineOptions extends ExamineEvents {
  /** Where a publisher runs that is to be tried; by default a port that is free. */
  readonly port?: number | undefined;
}

/**
 * Looks at this machine: its addresses, whether a port is reached at each, multicast, firewalls.
 * @throws the reason of `signal`.
 */
export async function examineMachine(options: MachineOptions, signal: AbortSignal): Promise<DiagnosisEvent> {
  const checkup = new Checkup(options.onEvent);
  await checkMachine(checkup, options, signal);
  return checkup.diagnosis();
}

/** Something that has to be looked for on the local network first. */
export interface SoughtSource {
  readonly kind: "sought";
  /** A name or a code. */
  readonly text: string;
  /** Rejects with what to tell when nobody has it. */
  readonly find: (signal: AbortSignal) => Promise<Source>;
}

/**
 * Goes the way of a download up to its first bytes: name, connections, HTTP, torrent, trackers, web seeds, peers, a block.
 * Nothing is written.
 * @throws {MagnetError} a link that is none; the reason of `signal`.
 */
export async function examineSource(
  source: Source | SoughtSource | string,
  options: ProbeOptions & ExamineEvents,
  signal: AbortSignal,
): Promise<DiagnosisEvent> {
  const checkup = new Checkup(options.onEvent);
  const from = typeof source === "string" ? sourceOf(source) : source;
  const found = from.kind === "sought" ? await look(checkup, from, signal) : from;
  if (found !== undefined) await checkSource(checkup, found, options, signal);
  return checkup.diagnosis();
}

async function look(
  checkup: Checkup,
  { text, find }: SoughtSource,
  signal: AbortSignal,
): Promise<Source | undefined> {
  let found: Source | undefined;
  await checkup.check("find", text, async () => {
    try {
      found = await find(signal);
      return { verdict: "ok", message: "is announced on this network" };
    } catch (error) {
      signal.throwIfAborted();
      return { verdict: "fail", message: messageOf(error), advice: "Use the URL that the publisher shows." };
    }
  });
  // It may be this machine that hears nothing.
  if (found === undefined) await checkMulticast(checkup, await interfaceStates(), signal);
  return found;
}
