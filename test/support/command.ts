/** The built command, as a user runs it, with `--json`. */
import { fileURLToPath } from "node:url";
import { Child, type ChildOptions } from "./child.ts";

export const commandPath: string = fileURLToPath(new URL("../../dist/cli.cjs", import.meta.url));

/** One line of `--json`; which fields there are depends on `event`. */
export interface ShareEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

export class ShareProcess extends Child {
  constructor(args: readonly string[], options: ChildOptions = {}) {
    super(process.execPath, [commandPath, ...args, "--json"], options);
  }

  get events(): ShareEvent[] {
    return this.lines<ShareEvent>();
  }

  /** What it said, as `Line`: the caller knows what our own command prints. A line that isn't JSON fails the test that looks. */
  lines<Line>(): Line[] {
    return this.stdout.map((line) => JSON.parse(line) as Line);
  }

  /** The first event of that name, once it is there. */
  async event(name: string, timeout?: number): Promise<ShareEvent> {
    return await this.until(() => this.events.find((event) => event.event === name), timeout);
  }

  lastEvent(name: string): ShareEvent | undefined {
    return this.events.findLast((event) => event.event === name);
  }
}
