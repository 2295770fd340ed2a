/** What all three ways of asking a gateway have in common. */

export type Protocol = "tcp" | "udp";

/** The ways to ask, as people know them. */
export type Way = "PCP" | "NAT-PMP" | "UPnP";

export interface MapRequest {
  readonly protocol: Protocol;
  /** Ours. */
  readonly port: number;
  /** The gateway's: what we would like it to be. */
  readonly wanted: number;
  /** Seconds; 0 ends the mapping. */
  readonly lifetime: number;
}

/** A port of the gateway leads to ours. */
export interface Mapped {
  /** The gateway's. */
  readonly port: number;
  /** The gateway's on its outer side: 4 or 16 bytes; undefined when it has none, or doesn't tell. */
  readonly address: Uint8Array | undefined;
  /** Seconds; 0: for ever. */
  readonly lifetime: number;
}

export type Answer = ({ readonly kind: "mapped" } & Mapped) | Refused;

export interface Refused {
  readonly kind: "refused";
  /** Of our words alone. */
  readonly reason: string;
  /** As in {@link Mapped}, when it is told all the same: it may say why. */
  readonly address?: Uint8Array | undefined;
}
