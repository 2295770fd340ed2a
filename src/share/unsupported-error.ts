import { BoojumError } from "../protocol/errors.ts";

/** The torrent is fine, but this version can't download it. */
export class UnsupportedError extends BoojumError {
  constructor(message: string) {
    super("unsupported", message);
  }
}
