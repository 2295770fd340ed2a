/** What stands for the password where none can be asked for: in torrents, and between our own clients. */
import { createHmac, scrypt } from "node:crypto";
import type { Prove } from "../client/core/proof.ts";
import type { InfoHash } from "../protocol/ids.ts";

/** 128 bits: nobody guesses it. */
const TOKEN_BYTES = 16;
/** 32 MiB and a tenth of a second a guess, for whoever has the token and wants the password. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/**
 * The token of a share: the same for the same password, so that torrents work after a restart, and another one when
 * the password changes, so that they don't.
 * @returns hexadecimal digits.
 */
export function deriveToken(password: string, shareId: string): Promise<string> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), `boojum token ${shareId}`, TOKEN_BYTES, COST, (error, key) => {
      if (error === null) resolve(key.toString("hex"));
      else reject(error);
    });
  });
}

/** See {@link Prove}. */
export function proverOf(token: string, infoHash: InfoHash): Prove {
  return (role, dialler, answerer) => {
    const hmac = createHmac("sha256", token).update(`boojum ${role} `);
    return new Uint8Array(hmac.update(infoHash).update(dialler).update(answerer).digest());
  };
}
