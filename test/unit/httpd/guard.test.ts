import { describe, expect, it } from "vitest";
import { Guard } from "../../../src/httpd/guard.ts";

function basic(text: string): string {
  return `Basic ${Buffer.from(text, "utf8").toString("base64")}`;
}

function setUp(password = "open sesame: ü") {
  let time = 1_000_000;
  return { guard: new Guard({ password, now: () => time }), pass: (ms: number) => (time += ms) };
}

describe("the guard", () => {
  it("lets in who knows the password, whatever the user's name, colons and composed letters", () => {
    const { guard } = setUp();
    for (const text of [":open sesame: ü", "me:open sesame: ü", ":open sesame: u\u0308"]) {
      expect(guard.check(basic(text), "10.0.0.1")).toBe("ok");
    }
    expect(guard.check(basic(":open sesame: ü").replace("Basic", "bAsIc "), "10.0.0.1")).toBe("ok");
  });

  it("refuses every other password", () => {
    for (const text of [":", ":open sesame: u", ":open sesame: ü ", ":Open sesame: ü", "open sesame: ü:"]) {
      expect(setUp().guard.check(basic(text), "10.0.0.1")).toBe("wrong");
    }
  });

  it("takes what is no Basic header for none, and for no try", () => {
    const { guard } = setUp();
    const headers = [
      undefined,
      "",
      "Basic",
      "Basic !",
      "Bearer abc",
      basic("nocolon"),
      `Basic ${"A".repeat(2_000)}`,
    ];
    for (let i = 0; i < 20; i++)
      for (const header of headers) expect(guard.check(header, "10.0.0.1")).toBe("missing");
    expect(guard.check(basic(":open sesame: ü"), "10.0.0.1")).toBe("ok");
  });

  it("gives one address ten tries and then one every six seconds, even with the right password", () => {
    const { guard, pass } = setUp();
    for (let i = 0; i < 10; i++) expect(guard.check(basic(`:${i}`), "10.0.0.1")).toBe("wrong");
    expect(guard.check(basic(":open sesame: ü"), "10.0.0.1")).toEqual({ waitSeconds: 6 });
    expect(guard.check(basic(":open sesame: ü"), "10.0.0.2")).toBe("ok");
    pass(6_000);
    expect(guard.check(basic(":again"), "10.0.0.1")).toBe("wrong");
    expect(guard.check(basic(":again"), "10.0.0.1")).toEqual({ waitSeconds: 6 });
    pass(6_000);
    expect(guard.check(basic(":open sesame: ü"), "10.0.0.1")).toBe("ok");
  });

  it("takes an IPv6 network for one address", () => {
    const { guard } = setUp();
    for (let i = 0; i < 10; i++) guard.check(basic(":x"), `2001:db8:1:2::${i}`);
    expect(guard.check(basic(":x"), "2001:db8:1:2:ffff::1")).toEqual({ waitSeconds: 6 });
    expect(guard.check(basic(":x"), "2001:db8:1:3::1")).toBe("wrong");
  });

  it("limits all addresses together, and remembers no more of them than it must", () => {
    const { guard, pass } = setUp();
    for (let i = 0; i < 200; i++) expect(guard.check(basic(":x"), `10.0.${i}.1`)).toBe("wrong");
    expect(guard.check(basic(":x"), "10.1.0.1")).toEqual({ waitSeconds: 1 });
    let tried = 0;
    for (let i = 0; i < 20_000; i++) {
      pass(1_000);
      if (guard.check(basic(":x"), `10.${2 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`) === "wrong") tried++;
    }
    expect(tried).toBe(20_000);
  });
});
