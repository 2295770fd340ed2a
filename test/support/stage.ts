/** What a test of the built command stands on: a scratch folder and the commands started in it, gone after each test. */
import path from "node:path";
import { afterEach, beforeEach } from "vitest";
import { Child, type ChildOptions } from "./child.ts";
import { commandPath, ShareProcess } from "./command.ts";
import { scratch } from "./data.ts";

export interface Stage {
  /** A path below the scratch folder, which is the working directory of every command here. */
  at(...parts: string[]): string;
  /** The command with `--json`. */
  share(...args: string[]): ShareProcess;
  /** The command as people see it, without a terminal. */
  plain(...args: string[]): Child;
  /** Any other program. */
  run(command: string, args: readonly string[], options?: ChildOptions): Child;
  /** Publishes on loopback alone. */
  publish(what: string, ...flags: string[]): ShareProcess;
  /** Downloads into `out`. */
  get(source: string, ...flags: string[]): ShareProcess;
  /** Has what was started otherwise killed after the test. */
  keep<Started extends Child>(child: Started): Started;
}

/** Sets the stage before each test of a file; called once, at the file's top level. */
export function useStage(): Stage {
  let place: ReturnType<typeof scratch>;
  let running: Child[] = [];

  beforeEach(() => {
    place = scratch();
  });
  afterEach(async () => {
    await Promise.all(running.map((child) => child.stop("SIGKILL")));
    running = [];
    place.remove();
  });

  function keep<Started extends Child>(child: Started): Started {
    running.push(child);
    return child;
  }
  const stage: Stage = {
    at: (...parts) => path.join(place.dir, ...parts),
    share: (...args) => keep(new ShareProcess(args, { cwd: place.dir })),
    plain: (...args) => stage.run(process.execPath, [commandPath, ...args]),
    run: (command, args, options = {}) => keep(new Child(command, args, { cwd: place.dir, ...options })),
    publish: (what, ...flags) =>
      stage.share(what, "--bind", "127.0.0.1", "--cache-dir", stage.at("cache"), ...flags),
    get: (source, ...flags) => stage.share("get", source, "-o", stage.at("out"), ...flags),
    keep,
  };
  return stage;
}
