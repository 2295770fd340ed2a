import { fromHex, toHex } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";

/** Bytes of a public key and of a secret: 768 bits. */
export const KEY_LENGTH = 96;
/** As long as the prime is worth; longer ones only cost time. */
const PRIVATE_LENGTH = 20;
const PRIME = BigInt(
  "0xffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74" +
    "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437" +
    "4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563",
);
const GENERATOR = 2n;

/**
 * One end's half of the Diffie-Hellman exchange of obfuscated connections, used once. Node's own would check the prime
 * first, which holds everybody up for a tenth of a second; half a millisecond of BigInt costs less. How long it takes
 * depends on the key, which matters to nobody: the exchange authenticates no one.
 */
export class KeyPair {
  /** 96 bytes. */
  readonly publicKey: Uint8Array;
  readonly #private: bigint;

  /** @param random fit for secrets. */
  constructor(random: (length: number) => Uint8Array) {
    this.#private = numberOf(random(PRIVATE_LENGTH));
    this.publicKey = bytesOf(power(GENERATOR, this.#private));
  }

  /**
   * @param otherPublicKey 96 bytes.
   * @returns 96 bytes.
   * @throws {ProtocolError} it's no key: the secret would be known to everybody.
   */
  secretWith(otherPublicKey: Uint8Array): Uint8Array {
    const other = numberOf(otherPublicKey);
    if (other <= 1n || other >= PRIME - 1n) throw new ProtocolError("the peer's public key is none");
    return bytesOf(power(other, this.#private));
  }
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % PRIME;
    square = (square * square) % PRIME;
  }
  return result;
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}

function bytesOf(number: bigint): Uint8Array {
  // As many digits as there are: never undefined.
  return fromHex(number.toString(16).padStart(2 * KEY_LENGTH, "0")) ?? new Uint8Array(KEY_LENGTH);
}
