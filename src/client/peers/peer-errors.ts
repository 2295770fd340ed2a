/** Why a peer connection ended, beside a broken rule (`ProtocolError`) and what the socket says. */
import { BoojumError } from "../../protocol/errors.ts";

/** We connected to ourselves: our own peer id came back. The address is not to be dialled again. */
export class OwnConnectionError extends BoojumError {
  constructor() {
    super("own-connection", "this is a connection to ourselves");
  }
}

/** The peer said nothing for too long. */
export class PeerTimeoutError extends BoojumError {
  constructor(message: string) {
    super("peer-timeout", message);
  }
}
