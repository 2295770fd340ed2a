/** What tests of making torrents stand on: a folder to be shared, in a scratch folder, gone after each test. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach } from "vitest";
import { type Scratch, scratch } from "./data.ts";

export interface SourceFolder {
  /** A path below the scratch folder. */
  beside(...parts: string[]): string;
  /** A path below the folder to be shared, which is called "share". */
  at(...parts: string[]): string;
  /** Writes a file there, and the folders above it. @returns where it is */
  put(name: string, content: string | Uint8Array): string;
}

/** Makes the folder before each test of a file; called once, at the file's top level. */
export function useSourceFolder(): SourceFolder {
  let place: Scratch;
  beforeEach(() => {
    place = scratch();
    mkdirSync(folder.at());
  });
  afterEach(() => place.remove());

  const folder: SourceFolder = {
    beside: (...parts) => path.join(place.dir, ...parts),
    at: (...parts) => folder.beside("share", ...parts),
    put: (name, content) => {
      const file = folder.at(name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
  };
  return folder;
}
