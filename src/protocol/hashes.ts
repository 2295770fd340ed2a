/** The hash functions of the protocol, passed in so that the vocabulary stays free of any platform. */
export interface Hashes {
  /** 20 bytes, owned by the caller. */
  sha1(bytes: Uint8Array): Uint8Array;
  /** 32 bytes, owned by the caller. */
  sha256(bytes: Uint8Array): Uint8Array;
}
