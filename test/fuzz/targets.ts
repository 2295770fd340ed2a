/**
 * Everything that reads what comes from outside, each with valid inputs to damage. A target returns when it accepts or
 * refuses an input in the way it documents, and throws in any other case.
 */
import { createHash } from "node:crypto";
import { parseAnnounceReply } from "../../src/client/core/announce-reply.ts";
import { encodeExtendedHandshake, parseExtendedHandshake } from "../../src/client/core/extension.ts";
import { Framer, type MessageSink } from "../../src/client/core/framer.ts";
import { HandshakeReader } from "../../src/client/core/handshake.ts";
import { HashLines, HashLinesError } from "../../src/client/core/hash-lines.ts";
import {
  encodeLanAnnouncement,
  LAN_GROUP_6,
  parseLanAnnouncement,
} from "../../src/client/core/lan-messages.ts";
import { encodeMetadataData, parseMetadataMessage } from "../../src/client/core/metadata-messages.ts";
import { encodePex, parsePex } from "../../src/client/core/pex-messages.ts";
import { parseScrapeReply } from "../../src/client/core/scrape.ts";
import { SixAsFour } from "../../src/client/core/six-as-four.ts";
import { readUdpReply } from "../../src/client/core/udp-announce.ts";
import { decodeState, StateEncoder } from "../../src/client/storage/resume.ts";
import { decodeRecords, encodeRecords } from "../../src/create/core/hash-records.ts";
import { findServices, readSearchReply } from "../../src/gateway/core/igd.ts";
import { readAddressReply, readNatPmpMap } from "../../src/gateway/core/nat-pmp.ts";
import { readPcpMap } from "../../src/gateway/core/pcp.ts";
import { parseRange } from "../../src/httpd/core/range.ts";
import { parseTarget } from "../../src/httpd/core/target.ts";
import { parseView } from "../../src/httpd/core/view.ts";
import { decodeBencode, decodeBencodePrefix } from "../../src/protocol/bencode.ts";
import { fromHex, fromLatin1, toLatin1 } from "../../src/protocol/bytes.ts";
import { decodeCompactPeers, decodeCompactPeers6 } from "../../src/protocol/compact-peers.ts";
import { encodeBencode } from "../../src/protocol/encode.ts";
import { BencodeError, MagnetError, MetainfoError, ProtocolError } from "../../src/protocol/errors.ts";
import { checkHost } from "../../src/protocol/host-rule.ts";
import { infoHash } from "../../src/protocol/ids.ts";
import { parseIp } from "../../src/protocol/ip-address.ts";
import { PieceLayout } from "../../src/protocol/layout.ts";
import { parseMagnet } from "../../src/protocol/magnet.ts";
import { parseMetainfo } from "../../src/protocol/parse-metainfo.ts";
import { parsePeerAddress } from "../../src/protocol/peer-address.ts";
import { parseNetwork } from "../../src/protocol/proxy-rule.ts";
import { parseAnnounce, parseScrape } from "../../src/tracker/core/query.ts";
import { decodeSaved, encodeSaved } from "../../src/tracker/core/saved-state.ts";
import { readAnnounce, readHeader, readScrape } from "../../src/tracker/core/udp-codec.ts";

export interface Target {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  /** @throws whatever isn't the target's own error, or when what it accepted makes no sense */
  run(input: Uint8Array): void;
}

type ErrorClass = new (...args: never[]) => Error;

/** Lets the target's own errors pass. */
function refusing(own: ErrorClass, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof own)) throw error;
  }
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`makes no sense: ${what}`);
}

const digest = (algorithm: string) => (bytes: Uint8Array) =>
  Uint8Array.from(createHash(algorithm).update(bytes).digest());
const sha1 = digest("sha1");
const sha256 = digest("sha256");
const text = (value: string) => new TextEncoder().encode(value);
const hash = infoHash(new Uint8Array(20).fill(0xaa));
const sixPeers = fromLatin1("\x0a\x00\x00\x01\x1a\xe1\xc0\xa8\x01\x02\x00\x50");

const torrents = [
  { length: 40_000, name: "a.bin", "piece length": 16_384, pieces: "x".repeat(60) },
  {
    files: [
      { length: 5, path: ["deep", "é.txt"] },
      { attr: "p", length: 16_379, path: [".pad", "16379"] },
      { attr: "x", length: 9, path: ["run"] },
    ],
    name: "folder",
    "piece length": 16_384,
    pieces: "y".repeat(40),
    private: 1,
  },
].map((info) =>
  encodeBencode({
    announce: "http://127.0.0.1:6881/announce",
    "announce-list": [["udp://t.example:1"], ["http://u.example/announce"]],
    info,
    "url-list": "http://127.0.0.1/s/x/",
  }),
);

const query =
  "info_hash=p%2c%a9%18%d2%b6%18*%8c%c6%ae%14%e3%0bv%17%b2-~%d8&peer_id=-LT2080-!OV5upkHA5p9&port=7002&uploaded=0&downloaded=7&left=1000&corrupt=0&key=24AABE23&event=started&numwant=200&compact=1&no_peer_id=1";

/** keep-alive, unchoke, have, a bitfield, a request, a piece, an extended handshake. */
const session = [
  "00000003 05ff80",
  "00000000 00000001 01 00000005 04 00000003",
  "0000000d 06 00000001 00004000 00004000 0000000d 08 00000001 00004000 00004000",
  "0000000d 07 00000000 00000000 61626364",
  "0000000a 14 00 64313a6d646565",
  "00000001 0e 00000005 11 00000002",
].map((hex) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex")));

const layout = new PieceLayout([9 * 32_768 + 1000], 32_768);

function nothingHappens(): void {}

function checkedSink(): MessageSink {
  const piece = (index: number) => demand(index >= 0 && index < layout.pieceCount, `piece ${index}`);
  const block = (index: number, begin: number, length: number) => {
    piece(index);
    demand(begin >= 0 && length > 0 && begin + length <= layout.pieceSize(index), `block ${begin}+${length}`);
  };
  return {
    onChoke: nothingHappens,
    onUnchoke: nothingHappens,
    onInterested: nothingHappens,
    onNotInterested: nothingHappens,
    onHave: piece,
    onPieces: (pieces) => demand(pieces.length === layout.pieceCount, "bitfield"),
    onRequest: block,
    onCancel: nothingHappens,
    onReject: nothingHappens,
    onAllowedFast: nothingHappens,
    onSuggest: nothingHappens,
    onBlock: (index, begin, data) => block(index, begin, data.length),
    onExtended: nothingHappens,
  };
}

/** Cut where its own bytes say, so that the same input is always cut the same way. */
function pushCut(input: Uint8Array, push: (part: Uint8Array) => void): void {
  for (let at = 0; at < input.length; ) {
    const length = 1 + ((input[at] ?? 0) % 23);
    push(input.slice(at, at + length));
    at += length;
  }
}

function framed(options: {
  readonly fast: boolean;
  readonly extended: boolean;
  readonly extensionsOnly?: boolean;
}) {
  return (input: Uint8Array) =>
    refusing(ProtocolError, () => {
      const framer = new Framer({ sink: checkedSink(), layout, ...options });
      pushCut(input, (part) => framer.push(part));
    });
}

const state = (() => {
  const encoder = new StateEncoder();
  const file = { path: "a/ü", size: 5, mtimeNs: 1_700_000_000_123_456_789n };
  return Buffer.concat([
    encoder.header({ infoHash: "ab".repeat(20), pieceCount: 50, selection: "s", owned: ["a/ü"] }),
    encoder.checkpoint({ time: 5, pieces: [1, 2, 3, 9], files: [file], clean: false }),
    encoder.lost([4]),
    encoder.identified("cd".repeat(20), [1, 2]),
    encoder.checkpoint({ time: 9, pieces: [4], files: [], clean: true }),
  ]);
})();

const latin1 = (input: Uint8Array) => toLatin1(input);

export const targets: readonly Target[] = [
  {
    name: "bencode",
    samples: [...torrents, text("d1:ad2:bbi-5e2:cclee1:bi9223372036854775807ee"), text("l0:3:abcli0eee")],
    run: (input) =>
      refusing(BencodeError, () => {
        const value = decodeBencode(input);
        demand(value !== undefined, "no value");
        decodeBencodePrefix(input);
      }),
  },
  {
    name: "metainfo",
    samples: torrents,
    run: (input) =>
      refusing(MetainfoError, () => {
        const torrent = parseMetainfo(input, { sha1, sha256 });
        const sum = torrent.files.reduce((total, file) => total + file.length, 0);
        demand(sum === torrent.length, "length");
        demand(torrent.pieceHashes.length === 20 * torrent.pieceCount || torrent.version === "v2", "pieces");
      }),
  },
  {
    name: "magnet",
    samples: [
      text(
        `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=A+b%20c&tr=http%3A%2F%2Ft%2Fannounce&x.pe=10.0.0.1:5&so=0,2-9`,
      ),
      text(`magnet:?xt=urn:btih:${"A".repeat(32)}&xs=http://a/b.torrent&xt=urn:btmh:1220${"cd".repeat(32)}`),
    ],
    run: (input) => refusing(MagnetError, () => parseMagnet(latin1(input))),
  },
  {
    name: "announce reply",
    samples: [
      encodeBencode({
        complete: 3,
        interval: 1800,
        "min interval": 60,
        peers: sixPeers,
        peers6: new Uint8Array(18),
      }),
      encodeBencode({ interval: 5, peers: [{ ip: "10.0.0.9", "peer id": "x".repeat(20), port: 7 }] }),
      encodeBencode({ "failure reason": "no" }),
    ],
    run: (input) => {
      const parsed = parseAnnounceReply(input);
      if (!parsed.ok) return;
      const { interval, peers } = parsed.reply;
      demand(Number.isFinite(interval) && interval > 0, `interval ${interval}`);
      for (const { port } of peers) demand(port > 0 && port < 65_536, `port ${port}`);
    },
  },
  {
    name: "scrape reply",
    samples: [
      encodeBencode({ files: new Map([[toLatin1(hash), { complete: 1, downloaded: 2, incomplete: 3 }]]) }),
    ],
    run: (input) => {
      parseScrapeReply(input, hash);
    },
  },
  {
    name: "UDP tracker's reply",
    samples: [
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8),
      Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2, ...sixPeers),
      Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 7, ...text("no")),
    ],
    run: (input) => {
      readUdpReply(input, 7, 4);
      readUdpReply(input, 7, 6);
    },
  },
  {
    name: "extended handshake",
    samples: [
      encodeExtendedHandshake({
        client: "X 1",
        listenPort: 5,
        requestQueue: 9,
        extensions: new Map([["ut_pex", 1]]),
        metadataSize: 7,
        uploadOnly: false,
      }),
    ],
    run: (input) => refusing(ProtocolError, () => parseExtendedHandshake(input)),
  },
  {
    name: "metadata message",
    samples: [encodeMetadataData(new Uint8Array(50), 0), encodeBencode({ msg_type: 0, piece: 3 })],
    run: (input) => refusing(ProtocolError, () => parseMetadataMessage(input)),
  },
  {
    name: "peer exchange",
    samples: [
      encodePex(
        decodeCompactPeers(sixPeers).map((address) => ({ address, seed: true, reachable: true })),
        decodeCompactPeers(sixPeers),
      ),
    ],
    run: (input) => refusing(ProtocolError, () => demand(parsePex(input).length <= 100, "peers")),
  },
  {
    name: "local network",
    samples: [encodeLanAnnouncement({ port: 6881, infoHashes: [hash, hash], cookie: "abc" }, LAN_GROUP_6)],
    run: (input) => {
      const found = parseLanAnnouncement(input);
      if (found !== undefined) demand(found.port > 0 && found.port < 65_536, "port");
    },
  },
  {
    name: "handshake",
    samples: [Uint8Array.from([19, ...text("BitTorrent protocol"), ...new Uint8Array(48)])],
    run: (input) =>
      refusing(ProtocolError, () => {
        const reader = new HandshakeReader();
        pushCut(input, (part) => {
          reader.push(part);
        });
      }),
  },
  { name: "messages", samples: session, run: framed({ fast: false, extended: false }) },
  { name: "messages with extensions", samples: session, run: framed({ fast: true, extended: true }) },
  {
    name: "messages before the metadata",
    samples: session,
    run: framed({ fast: true, extended: true, extensionsOnly: true }),
  },
  {
    name: "hash lines",
    samples: [
      text(
        `{"hashes":1,"name":"f","oneFile":false,"pieceLength":16384,"bytes":3,"files":1,"webSeed":"seed/"}\n{"path":["a"],"bytes":3}\n{"from":0,"sha1":"${"A".repeat(27)}="}\n\n{"infoHash":"${"ab".repeat(20)}"}\n`,
      ),
    ],
    run: (input) =>
      refusing(HashLinesError, () => {
        const reader = new HashLines({
          head: nothingHappens,
          hashes: (_, digests) => demand(digests.length % 20 === 0, "digests"),
          done: nothingHappens,
          failed: nothingHappens,
        });
        pushCut(input, (part) => reader.push(part));
      }),
  },
  {
    name: "state",
    samples: [state],
    run: (input) => {
      const found = decodeState(input);
      if (found !== undefined) for (const piece of found.durable) demand(piece < found.pieceCount, "piece");
    },
  },
  {
    name: "hash cache",
    samples: [encodeRecords({ keys: new Uint8Array(32), hashes: new Uint8Array(40) }, sha256)],
    run: (input) => {
      decodeRecords(input, sha256);
      // The check would hide what is behind it.
      decodeRecords(
        Uint8Array.from([...input.subarray(0, -16), ...sha256(input.subarray(0, -16)).subarray(0, 16)]),
        sha256,
      );
    },
  },
  {
    name: "tracker state",
    samples: [encodeSaved([], 5, sha256)],
    run: (input) => {
      decodeSaved(input, sha256);
      const body = input.subarray(32);
      decodeSaved(Uint8Array.from([...sha256(body), ...body]), sha256);
    },
  },
  {
    name: "announce",
    samples: [text(query)],
    run: (input) => {
      const parsed = parseAnnounce(latin1(input));
      if (parsed.ok)
        demand(parsed.infoHash.length === 20 && parsed.port >= 0 && parsed.port < 65_536, "announce");
    },
  },
  {
    name: "scrape",
    samples: [text("info_hash=%00%01aaaaaaaaaaaaaaaaaa&info_hash=bbbbbbbbbbbbbbbbbbbb")],
    run: (input) => {
      parseScrape(latin1(input));
    },
  },
  {
    name: "UDP tracker's request",
    samples: [
      Uint8Array.of(0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 0, 0, 0, 9),
      Uint8Array.from([
        ...new Uint8Array(8),
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        9,
        ...new Uint8Array(82),
        2,
        5,
        ...text("/anno"),
        0,
      ]),
      Uint8Array.from([...new Uint8Array(8), 0, 0, 0, 2, 0, 0, 0, 9, ...new Uint8Array(40)]),
    ],
    run: (input) => {
      const header = readHeader(input);
      if (header?.action === "announce")
        demand(readAnnounce(input).urlData.length <= input.length, "options");
      if (header?.action === "scrape") readScrape(input);
    },
  },
  {
    name: "range",
    samples: [text("bytes=0-99"), text("bytes=-5"), text("bytes=7-"), text("bytes=0-1,5-9, -3")],
    run: (input) => {
      const verdict = parseRange(latin1(input), 1000);
      if (verdict.kind !== "partial") return;
      let before = -1;
      for (const { start, end } of verdict.ranges) {
        demand(start > before && start <= end && end < 1000, `range ${start}-${end}`);
        before = end;
      }
    },
  },
  {
    name: "target",
    samples: [text("/s/k3f9/files/a%20b/c.txt?x=1&y=%C3%BC"), text("/s/k3f9.zip?select=a%2Fb")],
    run: (input) => {
      const target = parseTarget(latin1(input));
      if (target === undefined) return;
      for (const part of target.segments) demand(!part.includes("/") && part !== "..", `segment ${part}`);
      parseView(target.query);
    },
  },
  {
    name: "host",
    samples: [text("192.168.1.20:6881"), text("[fd00::1%25eth0]:80"), text("my.local"), text("fd00::1")],
    run: (input) => {
      const verdict = checkHost(latin1(input), { names: ["my.local"] });
      if (verdict.ok) demand(/^[\w.:[\]%~-]+$/.test(verdict.host), `host ${verdict.host}`);
    },
  },
  {
    name: "addresses",
    samples: [text("10.0.0.1:80"), text("[2001:db8::1.2.3.4]:6881"), text("10.0.0.0/8"), sixPeers],
    run: (input) => {
      const said = latin1(input);
      parseIp(said);
      parsePeerAddress(said);
      parseNetwork(said);
      decodeCompactPeers(input.subarray(0, input.length - (input.length % 6)));
      decodeCompactPeers6(input.subarray(0, input.length - (input.length % 18)));
    },
  },
  {
    name: "DHT over IPv6",
    samples: [
      text(
        "d1:rd2:id20:abcdefghij01234567896:nodes638:abcdefghij0123456789fd00:0000:0000:0016:valuesl18:fd00:0000:0000:001ee1:t2:aa1:y1:re",
      ),
      text("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"),
    ],
    run: (input) => {
      const six = new SixAsFour();
      const four = six.toFour(input);
      if (four !== undefined) demand(six.toSix(four) !== undefined, "no way back");
    },
  },
  {
    name: "gateway",
    samples: [
      fromHex("02810000000004b00000001e000000000000000000000000aaaaaaaaaaaaaaaaaaaaaaaa060000001ae11ae1") ??
        text(""),
      fromLatin1("\x00\x82\x00\x00\x00\x00\x00\x09\x1a\xe1\x1a\xe1\x00\x00\x04\xb0"),
      text(
        "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: http://10.0.0.1:80/d.xml\r\n\r\n",
      ),
      text(
        "<root><URLBase>http://10.0.0.1/</URLBase><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1" +
          "</serviceType><controlURL>/c</controlURL></service></root>",
      ),
    ],
    run: (input) => {
      const nonce = new Uint8Array(12).fill(0xaa);
      const asked = { protocol: "tcp", port: 6881, wanted: 6881, lifetime: 1200 } as const;
      readPcpMap(input, { ...asked, nonce, client: Uint8Array.of(10, 0, 0, 2) });
      readNatPmpMap(input, asked);
      readAddressReply(input);
      const location = readSearchReply(input, "10.0.0.1");
      demand(location === undefined || location.hostname === "10.0.0.1", `location ${location}`);
      for (const { control } of findServices(latin1(input), new URL("http://10.0.0.1/d.xml")))
        demand(control.hostname === "10.0.0.1", `control ${control}`);
    },
  },
];
