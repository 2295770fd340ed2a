import { describe, expect, it } from "vitest";
import { SixAsFour } from "../../../../src/client/core/six-as-four.ts";
import { fromLatin1, toLatin1 } from "../../../../src/protocol/bytes.ts";

const ID = "abcdefghij0123456789";
/** fd00::1 port 6881, fd00::2 port 80, and 10.0.0.1 in IPv6's clothes. */
const one = `\xfd${"\0".repeat(14)}\x01\x1a\xe1`;
const two = `\xfd${"\0".repeat(14)}\x02\x00\x50`;
const mapped = `${"\0".repeat(10)}\xff\xff\x0a\0\0\x01\x1a\xe1`;
/** The first stand-ins. */
const [first, second] = ["\xf0\0\0\0\x1a\xe1", "\xf0\0\0\x01\x00\x50"];
const reply = (result: string) => `d1:rd2:id20:${ID}${result}e1:t2:aa1:y1:re`;

const four = (six: SixAsFour, text: string) => {
  const bytes = six.toFour(fromLatin1(text));
  return bytes && toLatin1(bytes);
};
const back = (six: SixAsFour, text: string) => toLatin1(six.toSix(fromLatin1(text)) ?? new Uint8Array(0));

describe("the DHT over IPv6 for a library of IPv4 (BEP 32)", () => {
  it("gives nodes and peers stand-ins, the same ones each time, and takes them back", () => {
    const six = new SixAsFour();
    const nodes = reply(`6:nodes676:${ID}${one}${ID}${two}`);
    expect(four(six, nodes)).toBe(reply(`5:nodes52:${ID}${first}${ID}${second}`));
    expect(back(six, reply(`5:nodes52:${ID}${first}${ID}${second}`))).toBe(nodes);
    const values = reply(`6:valuesl18:${two}18:${one}e`);
    expect(four(six, values)).toBe(reply(`6:valuesl6:${second}6:${first}e`));
    expect(back(six, reply(`6:valuesl6:${second}6:${first}e`))).toBe(values);
    expect(six.standIn("fd00::1")).toBe("240.0.0.0");
    expect(six.real("240.0.0.1")).toBe("fd00::2");
  });

  it("lets nobody of the IPv4 network in, in whatever clothes, nor out", () => {
    const six = new SixAsFour();
    expect(four(six, reply(`5:nodes26:${ID}\x0a\0\0\x01\x1a\xe1`))).toBe(reply(""));
    expect(four(six, reply(`6:nodes638:${ID}${mapped}`))).toBe(reply("5:nodes0:"));
    expect(four(six, reply(`6:valuesl6:\x0a\0\0\x01\x1a\xe118:${mapped}e`))).toBe(reply("6:valuesle"));
    expect(back(six, reply(`5:nodes26:${ID}\x0a\0\0\x01\x1a\xe1`))).toBe(reply("6:nodes60:"));
    expect(six.real("10.0.0.1")).toBeUndefined();
  });

  it("leaves queries as they are, and refuses what is no message", () => {
    const six = new SixAsFour();
    const query = `d1:ad2:id20:${ID}9:info_hash20:${ID}e1:q9:get_peers1:t2:aa1:y1:qe`;
    expect(four(six, query)).toBe(query);
    expect(back(six, query)).toBe(query);
    expect(four(six, "le")).toBeUndefined();
    expect(four(six, "d1:r")).toBeUndefined();
    expect(four(six, `d1:r${"x".repeat(2000)}`)).toBeUndefined();
  });

  it("forgets the address that wasn't used for longest, however many come", () => {
    const six = new SixAsFour();
    const kept = six.standIn("fd00::1");
    const lost = six.standIn("fd00::2");
    for (let i = 0; i < 20_000; i++) {
      six.standIn(`fd00::1:${i.toString(16)}`);
      if (i % 1000 === 0) six.standIn("fd00::1");
    }
    expect(six.real(kept)).toBe("fd00::1");
    expect(six.real(lost)).toBeUndefined();
    expect(six.standIn("fd00::2")).not.toBe(lost);
  });
});
