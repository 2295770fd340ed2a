/** A WebM file of VP8 key frames (RFC 8794, RFC 9559): a real film, made without a codec of our own. */

export interface FilmOptions {
  /** VP8 key frames, one a second. */
  readonly frames: readonly Uint8Array[];
  readonly width: number;
  readonly height: number;
}

/** Big-endian; eight bytes, so that lengths are known before values are. */
function integer(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

function float(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

/** An element: its id, its length in eight bytes, its content. */
function element(id: string, ...content: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content);
  const length = integer(body.length);
  length[0] = 0x01;
  return Buffer.concat([Buffer.from(id, "hex"), length, body]);
}

const text = (value: string) => Buffer.from(value, "latin1");

/** With an index of all seconds at its beginning. */
export function film({ frames, width, height }: FilmOptions): Uint8Array {
  const head = element(
    "1a45dfa3",
    element("4286", integer(1)),
    element("42f7", integer(1)),
    element("42f2", integer(4)),
    element("42f3", integer(8)),
    element("4282", text("webm")),
    element("4287", integer(2)),
    element("4285", integer(2)),
  );
  const info = element(
    "1549a966",
    element("2ad7b1", integer(1_000_000)),
    element("4489", float(1000 * frames.length)),
    element("4d80", text("test")),
    element("5741", text("test")),
  );
  const size = element("e0", element("b0", integer(width)), element("ba", integer(height)));
  const track = element(
    "ae",
    element("d7", integer(1)),
    element("73c5", integer(1)),
    element("83", integer(1)),
    element("86", text("V_VP8")),
    size,
  );
  const tracks = element("1654ae6b", track);
  const clusters = frames.map((frame, second) =>
    // Track 1, no time after the cluster's, a key frame.
    element(
      "1f43b675",
      element("e7", integer(1000 * second)),
      element("a3", Uint8Array.of(0x81, 0, 0, 0x80), frame),
    ),
  );
  const index = (from: number) => {
    let at = from;
    const points = clusters.map((cluster, second) => {
      const place = element("b7", element("f7", integer(1)), element("f1", integer(at)));
      at += cluster.length;
      return element("bb", element("b3", integer(1000 * second)), place);
    });
    return element("1c53bb6b", ...points);
  };
  const first = info.length + tracks.length + index(0).length;
  return Buffer.concat([head, element("18538067", info, tracks, index(first), ...clusters)]);
}

/** The VP8 key frame in a lossy WebP picture. */
export function frameOf(webp: Uint8Array): Uint8Array {
  const bytes = Buffer.from(webp);
  const at = bytes.indexOf("VP8 ", 0, "latin1");
  if (at < 0) throw new Error("not a lossy WebP picture");
  return bytes.subarray(at + 8, at + 8 + bytes.readUInt32LE(at + 4));
}
