/** What people are told of files that aren't what they were; `cure` is what helps besides putting them back. */
import { StorageError } from "../errors.ts";

/** Of one of `paths`, which have a piece in common. */
export function differs([first = "", ...others]: readonly string[], cure: string): StorageError {
  const which = others.length > 0 ? `One of ${[first, ...others].join(", ")}` : first;
  const what = "has changed since it was hashed. What differs is not shared any more, the rest is";
  return new StorageError(first, "changed", `${which} ${what}; put it back as it was, or ${cure}.`);
}

export function shortened(path: string, cure: string): StorageError {
  const message = `${path} is shorter than it was when it was hashed. What is missing is not shared any more, the rest is; put it back as it was, or ${cure}.`;
  return new StorageError(path, "changed", message);
}

export function noLongerAFile(path: string): StorageError {
  const message = `${path} is no longer a file. What it held is not shared any more; put it back.`;
  return new StorageError(path, "unsafe", message);
}
