/**
 * What libtorrent 2.0.8, Transmission 3.00 and aria2 1.36.0 said to a tracker while one seeded and two downloaded a
 * file of 3,000,001 bytes: first over HTTP, then in another swarm of the same torrent over UDP. Recorded as it came,
 * except for the path after `/announce` in the UDP options (BEP 41), which named a share.
 */

export const RECORDED_HASH = "702ca918d2b6182a8cc6ae14e30b7617b22d7ed8";

export type RecordedAnnounce = {
  /** The address it came from. */
  readonly from: string;
} & ({ readonly query: string } | { readonly datagram: string });

const LIBTORRENT =
  "info_hash=p%2c%a9%18%d2%b6%18*%8c%c6%ae%14%e3%0bv%17%b2-~%d8&peer_id=-LT2080-!OV5upkHA5p9&port=7002";
const TRANSMISSION =
  "info_hash=p%2c%a9%18%d2%b6%18%2a%8c%c6%ae%14%e3%0bv%17%b2-~%d8&peer_id=-TR3000-triib9uvulk8&port=7003";
const ARIA2 =
  "info_hash=p%2C%A9%18%D2%B6%18%2A%8C%C6%AE%14%E3%0Bv%17%B2-~%D8&peer_id=A2-1-36-0-%BA%C9%B18%C6%F4%D1d%9D%0D";
/** Connection id (the tracker's, to be filled in), action, transaction, info hash. */
const UDP = `0000000000000000000000015bf0ef3b${RECORDED_HASH}`;
const ARIA2_UDP = "41322d312d33362d302d4340740d9ddb284cd8b8";
const LIBTORRENT_UDP = "2d4c54323038302d4c50293644296a2d76692131";
const TRANSMISSION_UDP = "2d5452333030302d386b61663335656634657932";
const OPTION = "02092f616e6e6f756e6365";

export const recordedHttp: readonly RecordedAnnounce[] = [
  {
    from: "10.99.0.2",
    query: `${LIBTORRENT}&uploaded=0&downloaded=0&left=0&corrupt=0&key=24AABE23&event=started&numwant=200&compact=1&no_peer_id=1&redundant=0`,
  },
  {
    from: "10.99.0.1",
    query: `${TRANSMISSION}&uploaded=0&downloaded=0&left=3000001&numwant=80&key=931d9b7&compact=1&supportcrypto=1&event=started`,
  },
  {
    from: "10.99.0.1",
    query: `${TRANSMISSION}&uploaded=0&downloaded=3000001&left=0&numwant=80&key=931d9b7&compact=1&supportcrypto=1&event=completed`,
  },
  {
    from: "10.99.0.4",
    query: `${ARIA2}&uploaded=0&downloaded=0&left=3000001&compact=1&key=%B18%C6%F4%D1d%9D%0D&numwant=50&no_peer_id=1&port=7004&event=started&supportcrypto=1`,
  },
  {
    from: "10.99.0.4",
    query: `${ARIA2}&uploaded=0&downloaded=3000001&left=0&compact=1&key=%B18%C6%F4%D1d%9D%0D&numwant=50&no_peer_id=1&port=7004&event=completed&supportcrypto=1`,
  },
  {
    from: "10.99.0.2",
    query: `${LIBTORRENT}&uploaded=6000002&downloaded=0&left=0&corrupt=0&key=24AABE23&event=stopped&numwant=0&compact=1&no_peer_id=1&redundant=0`,
  },
];

export const recordedUdp: readonly RecordedAnnounce[] = [
  {
    from: "10.99.0.5",
    datagram: `${UDP}${ARIA2_UDP}0000000000000000000000000000000000000000000000000000000200000000623da55c000000321b5d0000`,
  },
  {
    from: "10.99.0.6",
    datagram: `${UDP}${LIBTORRENT_UDP}000000000000000000000000002dc6c1000000000000000000000002000000001ccd88d0000000c81b5e${OPTION}`,
  },
  {
    from: "10.99.0.6",
    datagram: `${UDP}${LIBTORRENT_UDP}00000000002dc6c10000000000000000000000000000000000000001000000001ccd88d0000000c81b5e${OPTION}`,
  },
  {
    from: "10.99.0.1",
    datagram: `${UDP}${TRANSMISSION_UDP}000000000000000000000000002dc6c10000000000000000000000020000000038f4bcc4000000501b5f`,
  },
  {
    from: "10.99.0.1",
    datagram: `${UDP}${TRANSMISSION_UDP}00000000002dc6c100000000000000000000000000000000000000010000000038f4bcc4000000501b5f`,
  },
  {
    from: "10.99.0.1",
    datagram: `${UDP}${TRANSMISSION_UDP}00000000002dc6c100000000000000000000000000000000000000030000000038f4bcc4000000001b5f`,
  },
];
