// Adds up what .ci/run's steps left in a folder: the tests counted by vitest's JSON reports, and one
// for each step without a report. A step that failed although no test of its did counts as one failure.
// Usage: node scripts/ci-sum.mjs FOLDER
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const [folder] = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith(".status"))) {
  const succeeded = readFileSync(path.join(folder, file), "utf8").trim() === "pass";
  const report = path.join(folder, file.replace(".status", ".json"));
  const counts = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : undefined;
  passed += counts?.numPassedTests ?? (succeeded ? 1 : 0);
  // A test that is skipped proves nothing: it counts as failed.
  const notPassed = counts === undefined ? 0 : counts.numTotalTests - counts.numPassedTests;
  failed += succeeded ? notPassed : Math.max(1, notPassed);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
