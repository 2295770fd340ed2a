/** What `share doctor` says to people: a line a check, and one below it for what to do. */
import { escapeForTerminal } from "../../protocol/escape.ts";
import type { CheckEvent, DiagnosisEvent } from "../../share/events.ts";
import { countOf } from "../units.ts";

const WORDS = { ok: "ok", warn: "WARN", fail: "FAIL", skipped: "-" } as const;
const STEP_WIDTH = 9;
const SUBJECT_WIDTH = 26;

/** Safe to show. */
export function checkLines(check: CheckEvent): readonly string[] {
  const { step, subject, verdict, message, advice, milliseconds } = check;
  const took = milliseconds > 0 ? ` (${milliseconds} ms)` : "";
  const head = [
    WORDS[verdict].padEnd(4),
    (step === "webSeed" ? "web seed" : step).padEnd(STEP_WIDTH),
    escapeForTerminal(subject).padEnd(SUBJECT_WIDTH),
  ].join("  ");
  const lines = [`${head}  ${escapeForTerminal(message)}${took}`];
  if (advice !== undefined) lines.push(`      -> ${escapeForTerminal(advice)}`);
  return lines;
}

export function diagnosisLine({ ok, warnings, failures, skipped }: DiagnosisEvent): string {
  const parts = [`${ok} ok`, countOf(warnings, "warning"), countOf(failures, "failure")];
  if (skipped > 0) parts.push(`${skipped} not tried`);
  const verdict =
    failures > 0 ? "Something is wrong" : warnings > 0 ? "It works, but see above" : "All is well";
  return `${verdict}: ${parts.join(", ")}.`;
}
