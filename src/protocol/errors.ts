/** Base of every error that Boojum raises on purpose: the message says what happened, to what, and what to do. */
export class BoojumError extends Error {
  /** A stable word for programs, the `code` of `{"event":"error"}`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Somebody else broke a protocol rule: close that peer, refuse that reply; nothing of ours is at fault. */
export class ProtocolError extends BoojumError {
  constructor(message: string, options?: ErrorOptions) {
    super("protocol", message, options);
  }
}

/** A bencoded value is malformed or exceeds a limit (BEP 3, "bencoding"). */
export class BencodeError extends BoojumError {
  /** Where in the input, in bytes from its start. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super("bencode", `${message} (at byte ${offset})`);
    this.offset = offset;
  }
}

/** A torrent must not be used; the message says which key is at fault. */
export class MetainfoError extends BoojumError {
  constructor(message: string, options?: ErrorOptions) {
    super("metainfo", message, options);
  }
}

/** A magnet link can't be used. */
export class MagnetError extends BoojumError {
  constructor(reason: string) {
    super("magnet", `The magnet link can't be used: ${reason}`);
  }
}
