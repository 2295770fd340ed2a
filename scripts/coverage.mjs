// Branches of the pure code that unit tests and simulations take: npm run coverage. Ends with 1 below LEAST.
// All count, also what the type checker wants behind an index (`bytes[at] ?? 0`) and nothing could ever take.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Of a hundred branches. */
const LEAST = 95;

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { status } = spawnSync(
  "npx",
  ["vitest", "run", "--project", "unit", "--project", "sim", "--coverage", ...process.argv.slice(2)],
  { stdio: "inherit" },
);
const found = JSON.parse(readFileSync("artifacts/coverage/coverage-final.json", "utf8"));
const rooms = new Map();
const missed = [];
for (const [file, { branchMap, b: taken }] of Object.entries(found)) {
  const lines = readFileSync(file, "utf8").split("\n");
  const name = path.relative("src", file);
  const room = path.dirname(name);
  for (const [id, { loc, locations, type }] of Object.entries(branchMap)) {
    for (const [way, place] of locations.entries()) {
      const { line = loc.start.line, column = loc.start.column } = place.start;
      const isTaken = taken[id][way] > 0;
      const counts = rooms.get(room) ?? { taken: 0, all: 0 };
      counts.all++;
      if (isTaken) counts.taken++;
      else missed.push(`${name}:${line}:${column + 1} ${type} ${way + 1}: ${lines[line - 1]?.trim()}`);
      rooms.set(room, counts);
    }
  }
}
const part = (taken, all) => `${((100 * taken) / all).toFixed(1)} % of ${all}`;
const sum = (key) => [...rooms.values()].reduce((total, counts) => total + counts[key], 0);
for (const line of missed) console.log(line);
for (const [room, { taken, all }] of rooms) console.log(`${room}: ${part(taken, all)} branches`);
console.log(`all: ${part(sum("taken"), sum("all"))} branches`);
process.exitCode = status === 0 && (100 * sum("taken")) / sum("all") >= LEAST ? 0 : 1;
