import { userFolders } from "./user-folders.ts";

/** Where everything that may be lost is kept: remembered IDs and hashes. */
export function defaultCacheDir(): string {
  return userFolders("boojum").cache;
}
