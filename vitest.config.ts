import { defineConfig } from "vitest/config";

/** One project per kind of proof, so that each can be run alone: `npx vitest run --project interop`. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.{ts,tsx}"] } },
      { test: { name: "sim", include: ["test/sim/**/*.test.ts"], testTimeout: 60_000 } },
      { test: { name: "process", include: ["test/process/**/*.test.ts"], testTimeout: 60_000 } },
      { test: { name: "hostile", include: ["test/hostile/**/*.test.ts"], testTimeout: 60_000 } },
      { test: { name: "corpus", include: ["test/corpus/**/*.test.ts"] } },
      { test: { name: "package", include: ["test/package/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
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
