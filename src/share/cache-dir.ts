import envPaths from "env-paths";

/** Where everything that may be lost is kept: remembered IDs and hashes. */
export function defaultCacheDir(): string {
  return envPaths("boojum", { suffix: "" }).cache;
}
