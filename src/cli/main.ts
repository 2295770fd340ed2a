#!/usr/bin/env node
// Starting fast is a feature: what isn't needed for `--version` and `--help` is loaded afterwards. This file is built as
// CommonJS, since Node takes a quarter of its own start to get ready for modules.
import { version } from "../share/version.ts";
import { ROOT_HELP } from "./root-help.ts";
import { StandardOutput } from "./standard-output.ts";
import { catchSignals } from "./stop.ts";

const args = process.argv.slice(2);
const output = new StandardOutput();
if (args.length === 1 && args[0] === "--version") {
  process.stdout.write(`${version}\n`);
} else if (args.length === 1 && (args[0] === "--help" || args[0] === "-h")) {
  process.stdout.write(ROOT_HELP);
} else {
  const signals = catchSignals();
  void import("./run.ts").then(({ main }) => main(args, output.ended, signals));
}
