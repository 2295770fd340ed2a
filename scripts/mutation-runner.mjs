// Runs tests for Stryker, all in one process: what they import is loaded once, so that a mutant costs the tests that
// reach it and nothing else. (Stryker's own runner starts vitest's worker anew for each of ten thousand mutants.)
import path from "node:path";
import { pathToFileURL } from "node:url";
import { INSTRUMENTER_CONSTANTS } from "@stryker-mutator/api/core";
import { commonTokens, declareClassPlugin, PluginKind } from "@stryker-mutator/api/plugin";
import {
  DryRunStatus,
  determineHitLimitReached,
  MutantRunStatus,
  TestStatus,
} from "@stryker-mutator/api/test-runner";
import { collectTests } from "@vitest/runner";
import { build } from "esbuild";
import fc from "fast-check";
import { TestRunner } from "vitest";
import { clientText } from "./client-text.mjs";

/** A test waits for what a mutant has taken away when this process had nothing to do for so many milliseconds. */
const PATIENCE = 2_000;
/** ... but for so many: a busy machine makes tests slow, not idle. */
const NOTHING = 10;
const WAITS = "it waits for what never comes";
/** Tests that take more milliseconds of a processor are about size. Each change that they reach would cost as much again: left out. */
const LONG = 1_500;
/** As `test/support/cpu-time.ts` says it: mutants make code several times as slow. */
const NOT_MEASURED = "time is not measured here";

// Some of vitest's matchers look for the worker that they usually run in.
globalThis["__vitest_worker__"] ??= { config: {}, environment: { name: "node" } };

// A mutant is found out by the first counterexample: looking for a smaller one would take most of the time.
fc.configureGlobal({ endOnFailure: true, seed: 1 });

class InProcessRunner {
  static inject = [commonTokens.options];
  #files;
  /** By name. */
  #tests = new Map();
  /** Milliseconds of a processor that each took when it last passed, whatever else ran: the quick ones come first. */
  #took = new Map();
  #suites = [];
  #stray;
  #mutants = (globalThis[INSTRUMENTER_CONSTANTS.NAMESPACE] ??= {});

  constructor({ inProcess }) {
    this.#files = inProcess.tests;
  }

  /** Nothing changed is ever loaded, as changes to what is made at loading are left out: nothing needs another load. */
  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    Object.assign(process.env, { BOOJUM_MUTANTS: "1", BOOJUM_NO_LAN: "1", BOOJUM_CONFIG: "" });
    process.on("unhandledRejection", (reason) => {
      this.#stray ??= reason;
    });
    const outdir = path.resolve("artifacts/mutation-tests");
    await build({
      // Where the changed copy is; this process began elsewhere.
      absWorkingDir: process.cwd(),
      entryPoints: this.#files,
      outdir,
      outbase: ".",
      outExtension: { ".js": ".mjs" },
      bundle: true,
      // What two tests import is one module, with one set of mutants.
      splitting: true,
      format: "esm",
      platform: "node",
      packages: "external",
      plugins: [clientText],
      logLevel: "warning",
    });
    const bundles = this.#files.map((file) => path.join(outdir, file.replace(/\.tsx?$/, ".mjs")));
    for (const file of await collectTests(bundles, collector(outdir))) {
      if (file.result?.state === "fail") throw new Error(`${file.name}: ${file.result.errors?.[0]?.message}`);
      this.#addAll(file, file.name);
    }
    for (const suite of this.#suites)
      for (const hook of TestRunner.getSuiteHooks(suite).beforeAll) await hook(suite);
  }

  #addAll(suite, name) {
    this.#suites.push(suite);
    for (const task of suite.tasks) {
      if (task.type === "suite") this.#addAll(task, `${name} > ${task.name}`);
      else if (task.mode === "run" || task.mode === "queued")
        this.#tests.set(nameOf(this.#tests, `${name} > ${task.name}`), task);
    }
  }

  async dryRun() {
    const tests = [];
    for (const [name, task] of this.#tests) {
      this.#mutants.currentTestId = name;
      const start = performance.now();
      const failure = await this.#run(name, task);
      const timeSpentMs = performance.now() - start;
      this.#mutants.currentTestId = undefined;
      const isLeftOut = failure === NOT_MEASURED || failure === WAITS;
      if (isLeftOut || (this.#took.get(name) ?? 0) > LONG) delete this.#mutants.mutantCoverage?.perTest[name];
      const result = { id: name, name, timeSpentMs };
      tests.push(
        failure === undefined || isLeftOut
          ? { ...result, status: TestStatus.Success }
          : { ...result, status: TestStatus.Failed, failureMessage: failure },
      );
    }
    return { status: DryRunStatus.Complete, tests, mutantCoverage: this.#mutants.mutantCoverage };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }) {
    const names = (testFilter ?? [...this.#tests.keys()]).toSorted(
      (a, b) => (this.#took.get(a) ?? 0) - (this.#took.get(b) ?? 0),
    );
    Object.assign(this.#mutants, { activeMutant: activeMutant.id, hitCount: 0, hitLimit });
    let nrOfTests = 0;
    try {
      for (const name of names) {
        nrOfTests++;
        const failureMessage = await this.#run(name, this.#tests.get(name));
        const endless = determineHitLimitReached(this.#mutants.hitCount, hitLimit);
        if (endless !== undefined) return endless;
        if (failureMessage !== undefined)
          return { status: MutantRunStatus.Killed, killedBy: [name], failureMessage, nrOfTests };
      }
      return { status: MutantRunStatus.Survived, nrOfTests };
    } finally {
      Object.assign(this.#mutants, { activeMutant: undefined, hitCount: undefined, hitLimit: undefined });
    }
  }

  /** @returns why the test failed, if it did. */
  async #run(name, task) {
    const suites = [];
    for (let suite = task.suite ?? task.file; suite !== undefined; suite = suite.suite) suites.unshift(suite);
    if (suites[0] !== task.file) suites.unshift(task.file);
    this.#stray = undefined;
    const start = process.cpuUsage();
    const after = [];
    let failure;
    const attempt = async (work) => {
      try {
        return await work();
      } catch (error) {
        failure ??= error instanceof Error ? error.message : String(error);
      }
    };
    await attempt(async () => {
      for (const suite of suites) {
        const { beforeEach, afterEach } = TestRunner.getSuiteHooks(suite);
        after.unshift(...afterEach.map((hook) => () => hook(task.context, suite)));
        for (const hook of beforeEach) {
          const undo = await hook(task.context, suite);
          if (typeof undo === "function") after.unshift(undo);
        }
      }
      await unlessItWaits(TestRunner.getTestFn(task));
    });
    for (const hook of after) await attempt(hook);
    failure ??= this.#stray === undefined ? undefined : String(this.#stray);
    const { user, system } = process.cpuUsage(start);
    if (failure === undefined) this.#took.set(name, (user + system) / 1000);
    return failure;
  }
}

async function unlessItWaits(test) {
  let timer;
  const waits = new Promise((_, reject) => {
    let before = performance.eventLoopUtilization();
    timer = setInterval(() => {
      if (performance.eventLoopUtilization(before).active < NOTHING) reject(new Error(WAITS));
      before = performance.eventLoopUtilization();
    }, PATIENCE);
  });
  try {
    await Promise.race([test(), waits]);
  } finally {
    clearInterval(timer);
  }
}

function nameOf(known, name) {
  let unique = name;
  for (let i = 2; known.has(unique); i++) unique = `${name} (${i})`;
  return unique;
}

/** What vitest's collecting of tests asks for. */
function collector(root) {
  return {
    config: {
      root,
      name: "",
      setupFiles: [],
      sequence: { seed: 1, hooks: "stack", setupFiles: "list" },
      maxConcurrency: 1,
      // How long a test takes says nothing on a busy machine.
      testTimeout: 600_000,
      hookTimeout: 600_000,
      retry: 0,
      allowOnly: false,
      includeTaskLocation: false,
      tags: [],
      strictTags: false,
    },
    trace: (...args) => args.at(-1)(),
    importFile: (file) => import(pathToFileURL(file)),
  };
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, "in-process", InProcessRunner)];
