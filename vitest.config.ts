import { defineConfig } from "vitest/config";
import { clientTextInTests } from "./scripts/client-text.mjs";

/** One project per kind of proof, so that each can be run alone: `npx vitest run --project interop`. */
export default defineConfig({
  plugins: [clientTextInTests],
  test: {
    // Tests keep to this machine; those of the local network make one of their own. Nor is its user's file for them.
    env: { BOOJUM_NO_LAN: "1", BOOJUM_CONFIG: "" },
    // A second, by default, is short on a busy machine; who waits for what comes doesn't wait longer for it.
    expect: { poll: { timeout: 15_000 } },
    // Of what decides without doing anything: the rest is held by tests of processes, which this doesn't see.
    coverage: {
      provider: "v8",
      include: ["src/protocol/**", "src/*/core/**"],
      reporter: ["text", "json"],
      reportsDirectory: "artifacts/coverage",
      reportOnFailure: true,
    },
    projects: [
      // Properties take seconds on a busy machine; none waits for anything.
      {
        extends: true,
        test: { name: "unit", include: ["test/unit/**/*.test.{ts,tsx}"], testTimeout: 30_000 },
      },
      { extends: true, test: { name: "sim", include: ["test/sim/**/*.test.ts"], testTimeout: 120_000 } },
      {
        extends: true,
        test: { name: "process", include: ["test/process/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: { name: "hostile", include: ["test/hostile/**/*.test.ts"], testTimeout: 60_000 },
      },
      { extends: true, test: { name: "corpus", include: ["test/corpus/**/*.test.ts"] } },
      {
        extends: true,
        test: { name: "package", include: ["test/package/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
