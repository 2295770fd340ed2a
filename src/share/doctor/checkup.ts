import type { CheckEvent, CheckStep, DiagnosisEvent, Verdict } from "../events.ts";

/** What a look at something came to. */
export interface Finding {
  readonly verdict: Exclude<Verdict, "skipped">;
  /** What is so; foreign text in it is escaped before it is shown. */
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string | undefined;
}

/** Runs checks one after another, times them, and tells of each. */
export class Checkup {
  readonly #tell: (event: CheckEvent) => void;
  readonly #counts = { ok: 0, warn: 0, fail: 0, skipped: 0 };

  constructor(tell: (event: CheckEvent) => void) {
    this.#tell = tell;
  }

  /** @param look must not throw but for being told to stop. */
  async check<Found extends Finding>(
    step: CheckStep,
    subject: string,
    look: () => Found | Promise<Found>,
  ): Promise<Found> {
    const begin = performance.now();
    const found = await look();
    this.note(step, subject, found, performance.now() - begin);
    return found;
  }

  /** For what was looked at together with others. */
  note(step: CheckStep, subject: string, { verdict, message, advice }: Finding, milliseconds: number): void {
    this.#report({ step, subject, verdict, message, advice, milliseconds: Math.round(milliseconds) });
  }

  /** It depends on something that failed, or isn't to be tried. */
  skip(step: CheckStep, subject: string, why: string): void {
    this.#report({ step, subject, verdict: "skipped", message: `not tried: ${why}`, milliseconds: 0 });
  }

  diagnosis(): DiagnosisEvent {
    const { ok, warn, fail, skipped } = this.#counts;
    return { event: "diagnosis", ok, warnings: warn, failures: fail, skipped };
  }

  #report(found: Omit<CheckEvent, "event" | "advice"> & { readonly advice?: string | undefined }): void {
    this.#counts[found.verdict]++;
    const { advice, ...rest } = found;
    this.#tell({ event: "check", ...rest, ...(advice !== undefined && { advice }) });
  }
}
