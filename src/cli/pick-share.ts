/** Lists what is shared on the local network; in a terminal somebody picks one. */
import type { FindEvent } from "../share/events.ts";
import type { Finding } from "../share/find/find.ts";
import type { LocalShare } from "../share/find/local-shares.ts";
import type { Source } from "../share/source.ts";
import type { Surroundings } from "./options.ts";
import type { Output } from "./output.ts";

/**
 * @param seconds after which the search ends; by default 3, and in a terminal when one is picked
 * @returns what was picked; undefined when nobody could, or would
 * @throws {LocalNetworkError} the local network must not be asked.
 */
export async function pickShare(
  seconds: number | undefined,
  output: Output,
  { readKeys, screenRows = () => 24 }: Surroundings,
  signal: AbortSignal,
): Promise<Source | undefined> {
  const { DEFAULT_SEARCH_SECONDS, find, sourceOfShares } = await import("../share/find/find.ts");
  const isAsked = readKeys !== undefined && output.terminal && !output.json && !output.quiet;
  let onChange: (shares: readonly LocalShare[]) => void = () => {};
  const onEvent = (event: FindEvent) => output.event(event);
  const finding = await find({ onEvent, onChange: (shares) => onChange(shares) });
  try {
    if (!isAsked) {
      await wait(seconds ?? DEFAULT_SEARCH_SECONDS, signal);
      await list(finding, output);
      return undefined;
    }
    const { SharePicker } = await import("./ui/share-picker.ts");
    const picker = new SharePicker(output, screenRows);
    onChange = (shares) => picker.update(shares);
    picker.update(finding.shares);
    const picked = await ask(picker, readKeys, seconds, signal);
    picker.clear();
    return picked && sourceOfShares([picked]);
  } finally {
    await finding.close();
  }
}

interface Picker {
  readonly marked: LocalShare | undefined;
  move(by: number): void;
}

async function ask(
  picker: Picker,
  readKeys: NonNullable<Surroundings["readKeys"]>,
  seconds: number | undefined,
  signal: AbortSignal,
): Promise<LocalShare | undefined> {
  const over = new AbortController();
  let picked: LocalShare | undefined;
  const release = readKeys((key) => {
    if (key === "up" || key === "k") picker.move(-1);
    else if (key === "down" || key === "j") picker.move(1);
    else if (key === "q" || key === "escape" || key === "ctrl-c" || key === "ctrl-d") over.abort();
    else if ((key === "return" || key === "enter") && picker.marked !== undefined) {
      picked = picker.marked;
      over.abort();
    }
  });
  try {
    await wait(seconds, AbortSignal.any([signal, over.signal]));
  } finally {
    release();
  }
  return picked;
}

async function list(finding: Finding, output: Output): Promise<void> {
  const { shareLines } = await import("./ui/share-lines.ts");
  for (const line of shareLines(finding.shares)) output.result(line);
  if (finding.shares.length === 0) output.note(NOTHING);
}

const NOTHING =
  "Nothing is shared on this network, as far as this machine hears. Is the publisher on it, and multicast let through?";

/** Settles when the time is over, if there is one, or `signal` says so. */
function wait(seconds: number | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = seconds === undefined ? undefined : setTimeout(resolve, seconds * 1_000);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
