/** Codes that two people can compare over the phone: a number and three words that stand for an info hash. */
import { scrypt } from "node:crypto";
import type { InfoHash } from "../../protocol/ids.ts";
import { WORDS } from "./words.ts";

/** 32 MiB and about 0.2 s a guess, for whoever wants another torrent with the same code. */
const COST = { N: 2 ** 15, r: 8, p: 2, maxmem: 64 * 1024 * 1024 };
const SALT = "boojum word-code 1";
/** 1 to 99: with the words a bit more than 36 bits. */
const NUMBERS = 99n;
const WORD_COUNT = 3;

/** `7-otter-lamp-gravel`. Off the main thread. */
export function wordCode(infoHash: InfoHash): Promise<string> {
  return new Promise((resolve, reject) => {
    scrypt(infoHash, SALT, 8, COST, (error, key) => {
      if (error === null) resolve(inWords(key.readBigUInt64BE()));
      else reject(error);
    });
  });
}

function inWords(value: bigint): string {
  const parts = [String(1n + (value % NUMBERS))];
  let rest = value / NUMBERS;
  for (let i = 0; i < WORD_COUNT; i++) {
    parts.push(WORDS[Number(rest % BigInt(WORDS.length))] ?? "");
    rest /= BigInt(WORDS.length);
  }
  return parts.join("-");
}
