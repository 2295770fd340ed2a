import { BoojumError } from "../protocol/errors.ts";

/** Whoever was asked which files to get wants none. */
export class NothingPickedError extends BoojumError {
  constructor() {
    super("nothing-picked", "No file was picked, so nothing is downloaded.");
  }
}
