#!/usr/bin/env node
// Starting fast is a feature: what isn't needed for `--version` is loaded afterwards.
import { version } from "../share/version.ts";

const args = process.argv.slice(2);
if (args.length === 1 && args[0] === "--version") {
  process.stdout.write(`${version}\n`);
} else {
  const { main } = await import("./run.ts");
  await main(args);
}
