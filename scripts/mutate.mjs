// Changes the pure code, one small thing at a time, and counts the changes that the tests of the same room find out:
// npm run mutate -- [--room protocol] [--file picker]... Those that none found are in artifacts/mutation/ROOM.txt.
// Changes to what is made once, when a module is loaded (tables, expressions), are left out: each would need a process.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";

/** Of a hundred changes, how many must be found out in each room. */
const LEAST = 85;
const ROOMS = {
  protocol: { code: "src/protocol", tests: ["test/unit/protocol"] },
  client: { code: "src/client/core", tests: ["test/unit/client"] },
  tracker: { code: "src/tracker/core", tests: ["test/unit/tracker"] },
  httpd: { code: "src/httpd/core", tests: ["test/unit/httpd"] },
  create: { code: "src/create/core", tests: ["test/unit/create"] },
  gateway: { code: "src/gateway/core", tests: ["test/unit/gateway"] },
  mdns: { code: "src/mdns/core", tests: ["test/unit/mdns"] },
};

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const { values } = parseArgs({
  options: { room: { type: "string" }, file: { type: "string", multiple: true, default: [""] } },
});
const rooms = Object.entries(ROOMS).filter(([name]) => values.room === undefined || name === values.room);
if (rooms.length === 0) {
  console.error(`usage: mutate [--room ${Object.keys(ROOMS).join("|")}] [--file PART_OF_NAME]...`);
  process.exit(2);
}
const reports = "artifacts/mutation";
mkdirSync(reports, { recursive: true });
const scores = [];
for (const [name, room] of rooms) {
  const start = Date.now();
  const results = await mutate(room);
  const count = (...statuses) => results.filter(({ status }) => statuses.includes(status)).length;
  const found = count("Killed", "Timeout");
  const missed = results.filter(({ status }) => status === "Survived" || status === "NoCoverage");
  const score = (100 * found) / (found + missed.length);
  scores.push(score);
  writeFileSync(path.join(reports, `${name}.txt`), missed.map(described).join("\n"));
  console.log(
    `${name}: ${score.toFixed(1)} % of ${found + missed.length} changes found out (${count("NoCoverage")} of the others are in code that no test reaches, ${count("Ignored")} left out, ${count("RuntimeError", "CompileError")} impossible), ${Math.round((Date.now() - start) / 1000)} s`,
  );
}
// Stryker leaves something running.
process.exit(scores.every((score) => score >= LEAST) ? 0 : 1);

function mutate({ code, tests }) {
  const files = (folder, pattern) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => pattern.test(file))
      .map((file) => path.posix.join(folder, file.split(path.sep).join("/")));
  const stryker = new Stryker({
    mutate: files(code, /\.ts$/).filter((file) => values.file.some((part) => file.includes(part))),
    plugins: [fileURLToPath(new URL("mutation-runner.mjs", import.meta.url))],
    testRunner: "in-process",
    inProcess: { tests: tests.flatMap((folder) => files(folder, /\.test\.tsx?$/)) },
    coverageAnalysis: "perTest",
    ignoreStatic: true,
    concurrency: 1,
    // An endless loop through changed code is noticed at once; this is for any other.
    timeoutMS: 12_000,
    dryRunTimeoutMinutes: 60,
    disableTypeChecks: false,
    ignorePatterns: ["/artifacts", "/bench", "/dist", "/docs", "/packaging"],
    tempDirName: "artifacts/mutation/sandbox",
    reporters: ["json"],
    jsonReporter: { fileName: `${reports}/all.json` },
    logLevel: process.env.STRYKER_LOG ?? "warn",
    warnings: { unknownOptions: false },
    allowConsoleColors: false,
  });
  return stryker.runMutationTest();
}

function described({ fileName, location: { start, end }, mutatorName, replacement, status }) {
  const lines = readFileSync(fileName, "utf8")
    .split("\n")
    .slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return `${path.relative(root, fileName)}:${start.line}:${start.column} ${mutatorName}${status === "NoCoverage" ? " (not reached)" : ""}\n  - ${lines.join("\n    ")}\n  + ${replacement}\n`;
}
