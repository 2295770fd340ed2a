import { BoojumError } from "../protocol/errors.ts";

/** What was given can't be published: missing, empty, unreadable, or of a kind that torrents can't hold. */
export class SourceError extends BoojumError {
  /** The file or folder at fault, as an absolute path. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super("source", message, options);
    this.path = path;
  }
}

/** A file is not what it was when the folder was read, so its hashes would belong to no one version of it. */
export class SourceChangedError extends BoojumError {
  /** The file that changed, as an absolute path. */
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(
      "source-changed",
      `${JSON.stringify(path)} changed while it was being hashed: publish again when it is at rest.`,
      options,
    );
    this.path = path;
  }
}

/** A choice of the caller makes no sense: a piece length, a name or a glob. Usage, not fate. */
export class CreateOptionError extends BoojumError {
  constructor(message: string, options?: ErrorOptions) {
    super("option", message, options);
  }
}

/** The `.torrent` can't be written where it was asked for: something is there already, or the disk refuses. */
export class OutputError extends BoojumError {
  /** The file that could not be written, as an absolute path. */
  readonly path: string;

  constructor(path: string, reason: "exists" | "unwritable", message: string, options?: ErrorOptions) {
    super(`output-${reason}`, message, options);
    this.path = path;
  }
}
