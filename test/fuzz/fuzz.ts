/** Runs damaged inputs through every decoder; `scripts/fuzz.mjs` bundles and starts it. */
import { parseArgs } from "node:util";
import { damagedInput } from "./mutate.ts";
import { type Target, targets } from "./targets.ts";

/** CPU milliseconds that one input of 4 KiB may cost, three times in a row: a busy machine is slow once. */
const SLOW = 50;
const ENOUGH = 20;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "200000" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    shard: { type: "string", default: "1/1" },
    target: { type: "string" },
  },
});
const [cases, seed, from] = [Number(values.cases), Number(values.seed), Number(values.from)];
const [shard = 1, shards = 1] = values.shard.split("/").map(Number);
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
if (
  ![cases, seed, from, shard, shards].every(Number.isSafeInteger) ||
  shard < 1 ||
  shard > shards ||
  chosen.length === 0
) {
  console.error("usage: fuzz [--cases N] [--seed N] [--from N] [--shard I/N] [--target NAME]");
  process.exit(2);
}

let failures = 0;
const started = process.cpuUsage();
let told = Date.now();
for (let number = from; number < from + cases; number++) {
  if (number % shards !== shard - 1) continue;
  const target = chosen[number % chosen.length];
  if (target !== undefined && !tryOut(target, number)) failures++;
  if (failures >= ENOUGH) break;
  if (Date.now() - told > 30_000) {
    told = Date.now();
    console.log(`at ${number}: go on with --seed ${seed} --from ${number}`);
  }
}
const { user, system } = process.cpuUsage(started);
console.log(
  `${cases} cases, ${chosen.length} targets, seed ${seed}, ${((user + system) / 1e6).toFixed(1)} CPU s: ${failures} failed`,
);
process.exitCode = failures === 0 ? 0 : 1;

/** @returns whether all is well. */
function tryOut(target: Target, number: number): boolean {
  const input = damagedInput(target.samples, seed, number);
  try {
    const start = performance.now();
    target.run(input);
    if (performance.now() - start < SLOW || !isSlow(target, input)) return true;
    report(target, number, input, `takes over ${SLOW} ms`);
  } catch (error) {
    report(target, number, input, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return false;
}

function isSlow(target: Target, input: Uint8Array): boolean {
  for (let again = 0; again < 3; again++) {
    const before = process.cpuUsage();
    target.run(input);
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 < SLOW) return false;
  }
  return true;
}

function report(target: Target, number: number, input: Uint8Array, what: string): void {
  failures++;
  console.error(
    `${target.name}, case ${number} of seed ${seed}: ${what}\n  ${Buffer.from(input).toString("hex")}`,
  );
}
