/** `share get SOURCE SOURCE...`: a queue of downloads, shown together. */
import { escapeForTerminal } from "../protocol/escape.ts";
import type { GetManyOptions } from "../share/get/get-many.ts";
import type { Source } from "../share/source.ts";
import { exitCodeOf } from "./exit-codes.ts";
import type { Surroundings } from "./options.ts";
import { describeError, type Output } from "./output.ts";
import { INTERRUPTED } from "./stop.ts";
import { openDisplay } from "./ui/display.ts";
import { GetView } from "./ui/get-view.ts";
import { countOf } from "./units.ts";

export interface Queued {
  /** As it was typed. */
  readonly text: string;
  /** What it means, when its turn comes. */
  resolve(signal: AbortSignal): Promise<Source>;
}

interface Screen {
  readonly output: Output;
  readonly surroundings: Surroundings;
}

/** @returns the highest exit code of all. */
export async function getAll(
  sources: readonly Queued[],
  options: GetManyOptions,
  { output, surroundings }: Screen,
): Promise<number> {
  const { getMany } = await import("../share/get/get-many.ts");
  const display = await openDisplay(output, surroundings, "down");
  const textOf = (index: number) => sources[index]?.text ?? "";
  const views = sources.map(({ text }) => {
    const label = `${shorten(text)}: `;
    return new GetView(output, (title) => display.show(label + title), true, label);
  });
  let worst = 0;
  let failed = 0;
  try {
    const all = getMany(
      sources.map((source) => (signal) => source.resolve(signal)),
      {
        ...options,
        onEvent: (event, index) => {
          output.event({ ...event, source: textOf(index) });
          views[index]?.show(event);
        },
        onWork: (work, index) => views[index]?.prepare(work),
        onFailed: (error, index) => {
          views[index]?.close();
          // Of all of them it is said once.
          if (options.signal?.aborted) return;
          failed++;
          worst = Math.max(worst, exitCodeOf(error));
          const { code, message } = describeError(error);
          output.event({ event: "error", source: textOf(index), code, message });
          output.problem(`${textOf(index)}: ${message}`);
        },
      },
    );
    display.attach(all);
    const results = await all.settled;
    if (options.signal?.aborted && results.some(({ status }) => status === "rejected")) {
      output.event({ event: "error", code: "interrupted", message: INTERRUPTED });
      output.note(INTERRUPTED);
      return 130;
    }
    if (failed > 0) output.note(`${countOf(failed, "source")} of ${sources.length} failed.`);
    return worst;
  } finally {
    for (const view of views) view.close();
    display.close();
  }
}

/** The part that tells it from others. */
function shorten(text: string): string {
  const last =
    text
      .replace(/[?#].*$/, "")
      .split("/")
      .filter(Boolean)
      .at(-1) ?? text;
  return escapeForTerminal(last.length > 40 ? `${last.slice(0, 39)}…` : last);
}
