import { BoojumError } from "../../protocol/errors.ts";

/** The data here are not those of the torrent: exit code 3. */
export class MismatchError extends BoojumError {
  constructor(message: string) {
    super("mismatch", message);
  }
}
