import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KEY_LENGTH, KeyPair } from "../../../../src/client/core/key-exchange.ts";
import { cipher, marker, PLAINTEXT, RC4, xor } from "../../../../src/client/core/mse.ts";
import { MseAnswerer } from "../../../../src/client/core/mse-answerer.ts";
import { MseDialler } from "../../../../src/client/core/mse-dialler.ts";
import { Rc4 } from "../../../../src/client/core/rc4.ts";
import { concatBytes, toHex, toLatin1 } from "../../../../src/protocol/bytes.ts";
import { ProtocolError } from "../../../../src/protocol/errors.ts";
import { infoHash } from "../../../../src/protocol/ids.ts";
import { hex } from "../../../support/scripted-peer.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const here = infoHash(new Uint8Array(20).fill(7));
const elsewhere = infoHash(new Uint8Array(20).fill(8));
const random = seededRandom(1);
const text = (word: string) => new TextEncoder().encode(word);

function keys(): KeyPair {
  return new KeyPair((length) => random.bytes(length));
}

function dialler(options: { infoHash?: typeof here; offered?: number; payload?: Uint8Array } = {}) {
  const { payload = text("hello") } = options;
  return new MseDialler({
    infoHash: options.infoHash ?? here,
    offered: options.offered ?? RC4 | PLAINTEXT,
    keys: keys(),
    random,
    sha1,
    initialPayload: () => payload,
  });
}

function answerer(accepted: readonly number[] = [RC4, PLAINTEXT]) {
  const hash = toLatin1(marker(sha1, "req2", here));
  const torrentOf = (asked: Uint8Array) => (toLatin1(asked) === hash ? here : undefined);
  return new MseAnswerer({ torrentOf, accepted, keys: keys(), random, sha1 });
}

describe("RC4", () => {
  it("gives the key stream of RFC 6229", () => {
    const stream = new Uint8Array(16);
    new Rc4(hex("01 02 03 04 05")).apply(stream, stream);
    expect(toHex(stream)).toBe("b2396305f03dc027ccc3524a0a1118a8");
    const later = new Uint8Array(16);
    new Rc4(hex("01 02 03 04 05")).skip(1024).apply(later, later);
    expect(toHex(later)).toBe("30abbcc7c20b01609f23ee2d5f6bb7df");
  });
});

describe("the key exchange", () => {
  it("gives both the same secret of 96 bytes", () => {
    const [a, b] = [keys(), keys()];
    expect(a.publicKey).toHaveLength(KEY_LENGTH);
    expect(toHex(a.secretWith(b.publicKey))).toBe(toHex(b.secretWith(a.publicKey)));
  });

  it("raises 2 to the private key, modulo the prime", () => {
    const one = new KeyPair(() => hex("0000000000000000000000000000000000000003"));
    expect(toHex(one.publicKey)).toBe("08".padStart(192, "0"));
    // 2 to the 767th fits; 2 to the 768th is that minus the prime, whose first bytes are all ones.
    const long = new KeyPair(() => hex("0000000000000000000000000000000000000300"));
    expect(toHex(long.publicKey).slice(0, 32)).toBe("000000000000000036f0255dde973dcb");
  });

  it.each([
    ["zero", "00".repeat(96)],
    ["one", "01".padStart(192, "0")],
    ["more than the prime", "ff".repeat(96)],
  ])("takes no key that is %s", (_, key) => {
    expect(() => keys().secretWith(hex(key))).toThrow(ProtocolError);
  });
});

/** Runs both, each arrival cut into pieces of so many bytes. */
function shake(a: MseDialler, b: MseAnswerer, cut: number) {
  const agreed: {
    a?: ReturnType<MseDialler["push"]>["agreed"];
    b?: ReturnType<MseAnswerer["push"]>["agreed"];
  } = {};
  let [toB, toA]: [Uint8Array, Uint8Array] = [a.opening, new Uint8Array(0)];
  while (toA.length + toB.length > 0) {
    const forB = toB.slice(0, cut);
    toB = toB.slice(cut);
    if (forB.length > 0 && agreed.b === undefined) {
      const step = b.push(forB);
      toA = concatBytes([toA, step.send ?? new Uint8Array(0)]);
      if (step.agreed !== undefined)
        agreed.b = { ...step.agreed, rest: concatBytes([step.agreed.rest, toB]) };
    }
    const forA = toA.slice(0, cut);
    toA = toA.slice(cut);
    if (forA.length > 0 && agreed.a === undefined) {
      const step = a.push(forA);
      toB = concatBytes([toB, step.send ?? new Uint8Array(0)]);
      if (step.agreed !== undefined) agreed.a = step.agreed;
    }
  }
  return agreed;
}

describe("the handshake", () => {
  it.each([
    ["both offered, RC4 liked better", RC4 | PLAINTEXT, [RC4, PLAINTEXT], true],
    ["both offered, plaintext liked better", RC4 | PLAINTEXT, [PLAINTEXT, RC4], false],
    ["only RC4 offered", RC4, [PLAINTEXT, RC4], true],
    ["only plaintext offered", PLAINTEXT, [RC4, PLAINTEXT], false],
    ["unknown methods offered, too", 0xffff_ff00 | RC4, [RC4], true],
  ])("agrees: %s", (_, offered, accepted, isRc4) => {
    for (const cut of [1, 7, 100_000]) {
      const { a, b } = shake(dialler({ offered }), answerer(accepted), cut);
      expect(a?.encipher !== undefined).toBe(isRc4);
      expect(b?.encipher !== undefined).toBe(isRc4);
      expect(b?.infoHash).toBe(here);
      expect(a?.enciphered).toBe(isRc4 ? Number.POSITIVE_INFINITY : 0);
      expect(b?.enciphered).toBe(isRc4 ? Number.POSITIVE_INFINITY : 5);
      // The initial payload, and what follows in both directions.
      const payload = new Uint8Array(5);
      b?.decipher.apply(b.rest.subarray(0, 5), payload);
      expect(payload).toEqual(text("hello"));
      if (!isRc4) continue;
      const [there, back] = [new Uint8Array(3), new Uint8Array(3)];
      a?.encipher?.apply(text("abc"), there);
      b?.decipher.apply(there, back);
      expect(back).toEqual(text("abc"));
      b?.encipher?.apply(text("xyz"), there);
      a?.decipher.apply(there, back);
      expect(back).toEqual(text("xyz"));
    }
  });

  it("says what the specification writes", () => {
    const a = dialler({ offered: RC4 });
    const b = keys();
    const { send } = a.push(b.publicKey);
    const secret = b.secretWith(a.opening.subarray(0, 96));
    expect(toHex(send?.subarray(0, 20) ?? here)).toBe(toHex(sha1(concatBytes([text("req1"), secret]))));
    const mixed = xor(sha1(concatBytes([text("req2"), here])), sha1(concatBytes([text("req3"), secret])));
    expect(toHex(send?.subarray(20, 40) ?? here)).toBe(toHex(mixed));
    const clear = new Uint8Array((send?.length ?? 0) - 40);
    const stream = new Rc4(sha1(concatBytes([text("keyA"), secret, here]))).skip(1024);
    stream.apply(send?.subarray(40) ?? clear, clear);
    const padding = ((clear[12] ?? 0) << 8) | (clear[13] ?? 0);
    expect(toHex(clear.subarray(0, 12))).toBe("000000000000000000000002");
    expect(clear).toHaveLength(14 + padding + 2 + 5);
    expect(toHex(clear.subarray(14 + padding))).toBe(`0005${toHex(text("hello"))}`);
  });

  it.each([
    ["a torrent that isn't here", () => shake(dialler({ infoHash: elsewhere }), answerer(), 5000)],
    ["no method that is wanted", () => shake(dialler({ offered: PLAINTEXT }), answerer([RC4]), 5000)],
    ["noise without end", () => answerer().push(random.bytes(96 + 512 + 20))],
    [
      "a plain handshake behind a key",
      () => dialler().push(concatBytes([keys().publicKey, new Uint8Array(520)])),
    ],
  ])("ends with %s", (_, begin) => {
    expect(begin).toThrow(ProtocolError);
  });

  it("refuses a choice that wasn't offered, and padding that is too long", () => {
    for (const answer of ["00000001 0000", "00000003 0000", "00000002 0201"]) {
      const a = dialler({ offered: RC4 });
      const b = keys();
      const out = cipher(sha1, "B", b.secretWith(a.opening.subarray(0, 96)), here);
      const bytes = hex(`0000000000000000 ${answer}`);
      out.apply(bytes, bytes);
      expect(() => a.push(concatBytes([b.publicKey, bytes]))).toThrow(ProtocolError);
    }
  });
});

describe("whatever comes", () => {
  it("a handshake waits, agrees or ends with a ProtocolError, and keeps little", () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 700 }),
      fc.constantFrom(new Uint8Array(96).fill(9), new Uint8Array(600), text("\x13BitTorrent protocol")),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 6 }), fc.boolean(), (chunks, dials) => {
        const end = dials ? dialler() : answerer();
        let length = 0;
        try {
          for (const bytes of chunks) {
            length += bytes.length;
            if (end.push(bytes).agreed !== undefined) return;
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          return;
        }
        // Who waits has not been sent more than a handshake can have.
        expect(length).toBeLessThan(96 + 512 + 20);
      }),
      { numRuns: 300 },
    );
  });

  it("a damaged byte anywhere never makes an agreement that can't be read", () => {
    fc.assert(
      fc.property(fc.nat(1500), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        // Nothing protects the offer: damaged, it may name the other method, which this answerer doesn't take.
        const [a, b] = [dialler({ offered: RC4 }), answerer([RC4])];
        const opened = b.push(a.opening).send ?? new Uint8Array(0);
        const asked = (a.push(opened).send ?? new Uint8Array(0)).slice();
        if (at >= asked.length) return;
        asked[at] = (asked[at] ?? 0) ^ flip;
        try {
          const step = b.push(asked);
          if (step.agreed === undefined) return;
          // Damage in padding or payload changes nothing else: RC4 has no memory of what it ciphered.
          expect(step.agreed.infoHash).toBe(here);
          expect(step.agreed.encipher).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
