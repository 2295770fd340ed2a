import { describe, expect, it } from "vitest";
import { SearchAnswers } from "../../../src/gateway/core/search-answers.ts";

const TARGET = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
const reply = (location: string) =>
  new TextEncoder().encode(`HTTP/1.1 200 OK\r\nST: ${TARGET}\r\nLOCATION: ${location}\r\n\r\n`);

describe("the answers to a search for gateways", () => {
  it("come with the expected gateway's first, each once", () => {
    const answers = new SearchAnswers("10.0.0.1");
    expect(answers.add(reply("http://10.0.0.9/a"), "10.0.0.9")).toBe(true);
    for (let i = 0; i < 2; i++) expect(answers.add(reply("http://10.0.0.1:80/b"), "10.0.0.1")).toBe(true);
    expect(answers.locations.map(String)).toEqual(["http://10.0.0.1/b", "http://10.0.0.9/a"]);
  });

  it("aren't taken up by one neighbour, nor by many, before the gateway itself has answered", () => {
    const answers = new SearchAnswers("10.0.0.1");
    for (let i = 0; i < 100; i++) answers.add(reply(`http://10.0.0.9/${i}`), "10.0.0.9");
    expect(answers.locations).toHaveLength(2);
    for (let i = 10; i < 100; i++) answers.add(reply(`http://10.0.0.${i}/`), `10.0.0.${i}`);
    expect(answers.locations).toHaveLength(8);
    expect(answers.add(reply("http://10.0.0.1/igd"), "10.0.0.1")).toBe(true);
    expect(answers.locations[0]?.href).toBe("http://10.0.0.1/igd");
  });

  it("aren't what leads elsewhere", () => {
    const answers = new SearchAnswers(undefined);
    expect(answers.add(reply("http://10.0.0.2/"), "10.0.0.1")).toBe(false);
    expect(answers.locations).toEqual([]);
  });
});
