import { expect, it } from "vitest";
import { Output } from "../../../src/cli/output.ts";
import { showProgress } from "../../../src/cli/ui/progress.ts";
import { PublishView, type Terms } from "../../../src/cli/ui/publish-view.ts";

const NONE: Terms = { password: false, unlisted: false, expireSeconds: undefined, untilCopies: undefined };

/** The lines between "Others get it" and "Stop with". */
function told(terms: Partial<Terms>): string[] {
  const lines: string[] = [];
  const sink = { write: (text: string) => lines.push(...text.trimEnd().split("\n")) };
  const options = { json: false, quiet: false, verbose: false, color: false };
  const output = new Output(options, { write: () => true }, sink, {});
  const view = new PublishView(output, { qr: false, terms: { ...NONE, ...terms } }, (title) =>
    showProgress(output, title, () => 0),
  );
  const url = "http://10.0.0.1:6881/s/k3f9x2mw";
  view.show({ event: "listening", port: 6881, urls: [], shares: [{ share: "k3f9x2mw", name: "a", url }] });
  view.show({
    event: "ready",
    share: "k3f9x2mw",
    name: "a",
    url,
    torrentUrl: `${url}.torrent`,
    magnet: "magnet:",
    infoHash: "",
    files: 1,
    bytes: 1,
    pieceLength: 16_384,
  });
  view.close();
  return lines.slice(lines.findIndex((line) => line.startsWith("Others get it")) + 1, -1);
}

it("says on what terms a share is published, and nothing when there are none", () => {
  expect(told({})).toEqual([]);
  expect(told({ password: true })).toEqual([
    "Nobody gets anything without the password; browsers and share get ask for it.",
  ]);
  expect(told({ unlisted: true, expireSeconds: 5_400 })).toEqual([
    "It is in no list: only who has the URL finds it.",
    "It ends by itself after 1h 30m.",
  ]);
  expect(told({ expireSeconds: 60, untilCopies: 1 })).toEqual([
    "It ends by itself after 1m 00s or when 1 receiver is complete.",
  ]);
  expect(told({ untilCopies: 12 })).toEqual(["It ends by itself when 12 receivers are complete."]);
});
