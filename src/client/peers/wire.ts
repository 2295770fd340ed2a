import type { Transport } from "../../platform/transport.ts";
import type { Bitfield } from "../../protocol/bitfield.ts";
import { bytesEqual } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { PieceIndex } from "../../protocol/ids.ts";
import { sendsLateBitfields } from "../core/client-name.ts";
import { encodeExtendedHandshake, type OwnExtensions, parseExtendedHandshake } from "../core/extension.ts";
import { Framer, type MessageSink } from "../core/framer.ts";
import { encodeHandshake, HANDSHAKE_LENGTH, type Handshake, HandshakeReader } from "../core/handshake.ts";
import type { IncomingPeer } from "./accept.ts";
import { Outbox } from "./outbox.ts";
import { OwnConnectionError } from "./peer-errors.ts";
import { Silence } from "./silence.ts";
import type { BlockRef, PeerIdentity, WireHandler, WireOptions } from "./wire-types.ts";

/** Small messages leave early when this many bytes are collected. */
const FLUSH_AT = 16_384;
/** A peer that leaves so many bytes of small messages unread provokes them on purpose. */
const MAX_UNSENT = 1_048_576;

type Phase =
  | { readonly name: "idle" }
  | { readonly name: "handshaking"; readonly reader: HandshakeReader }
  | { readonly name: "exchanging"; readonly framer: Framer; readonly identity: PeerIdentity }
  | { readonly name: "closed"; readonly identity: PeerIdentity | undefined };

/**
 * One peer connection: sends what it is told, tells its {@link WireHandler} what arrives, and closes on any mistake of
 * the peer. Small messages are collected and leave in one write: at the end of the call in which data arrived, with
 * {@link flush}, or at the end of the turn at the latest.
 */
export class Wire {
  readonly transport: Transport;
  /** Bytes received: everything, and block data alone. */
  bytesDown = 0;
  payloadDown = 0;
  /** Bytes sent, or waiting to be: everything, and block data alone. */
  bytesUp = 0;
  payloadUp = 0;
  /** The four flags of BEP 3; both sides start choked and not interested. For reading only. */
  amChoking = true;
  amInterested = false;
  peerChoking = true;
  peerInterested = false;

  readonly #options: WireOptions;
  readonly #outbox: Outbox;
  readonly #silence: Silence;
  #handler: WireHandler | undefined;
  #phase: Phase = { name: "idle" };
  #paused = false;
  #receiving = false;
  #flushQueued = false;

  constructor(options: WireOptions) {
    this.#options = options;
    this.transport = options.transport;
    this.#outbox = new Outbox(options.transport);
    this.#silence = new Silence({
      clock: options.clock,
      isExchanging: () => this.#phase.name === "exchanging",
      isPaused: () => this.#paused,
      sendKeepAlive: () => {
        this.#outbox.messages.keepAlive();
        this.flush();
      },
      timedOut: (error) => this.close(error),
    });
  }

  /** Whether the peer connected to us. */
  get isIncoming(): boolean {
    return this.#options.incoming !== undefined;
  }

  /** Undefined until `onHandshake`. */
  get identity(): PeerIdentity | undefined {
    const phase = this.#phase;
    return phase.name === "exchanging" || phase.name === "closed" ? phase.identity : undefined;
  }

  get isClosed(): boolean {
    return this.#phase.name === "closed";
  }

  /** Begins; calls `handler` from now on, within this call when the peer's handshake is there already. */
  start(handler: WireHandler): void {
    if (this.#phase.name !== "idle") return;
    this.#handler = handler;
    const { incoming, transport } = this.#options;
    this.#silence.received();
    this.#phase = { name: "handshaking", reader: new HandshakeReader() };
    transport.attach({
      onData: (bytes) => this.#receive(bytes),
      onDrain: () => {
        if (this.#phase.name !== "closed") handler.onDrain();
      },
      onClose: (error) => this.close(error),
    });
    if (incoming === undefined) this.#sendHandshake();
    else this.#resumeIncoming(incoming);
    if (!this.isClosed) this.#silence.watch();
  }

  /** What we have, as `bitfield`, `have all` or `have none`: within `onHandshake`, before anything else. */
  sendPieces(pieces: Bitfield): void {
    const messages = this.#messages();
    if (messages === undefined) return;
    const fast = this.identity?.fast === true;
    if (fast && pieces.isComplete) messages.haveAll();
    else if (pieces.count > 0) messages.bitfield(pieces.bytes);
    else if (fast) messages.haveNone();
  }

  /** Does nothing when the peer doesn't speak BEP 10. */
  sendExtendedHandshake(own: OwnExtensions): void {
    this.sendExtended(0, encodeExtendedHandshake(own));
  }

  /** `id` is the peer's, from its `m`. Does nothing when the peer doesn't speak BEP 10. */
  sendExtended(id: number, payload: Uint8Array): void {
    if (this.identity?.extended === true) this.#messages()?.extended(id, payload);
  }

  sendHave(piece: PieceIndex): void {
    this.#messages()?.have(piece);
  }

  /** Messages that are encoded already: `encodeHaves` for many pieces and peers. */
  sendEncoded(messages: Uint8Array): void {
    this.#messages()?.raw(messages);
  }

  /** These four send nothing when the flag is so already. */
  choke(): void {
    if (this.amChoking) return;
    this.amChoking = true;
    this.#messages()?.choke();
  }

  unchoke(): void {
    if (!this.amChoking) return;
    this.amChoking = false;
    this.#messages()?.unchoke();
  }

  interested(): void {
    if (this.amInterested) return;
    this.amInterested = true;
    this.#messages()?.interested();
  }

  notInterested(): void {
    if (!this.amInterested) return;
    this.amInterested = false;
    this.#messages()?.notInterested();
  }

  sendRequest(block: BlockRef): void {
    this.#messages()?.request(block.piece, block.begin, block.length);
  }

  sendCancel(block: BlockRef): void {
    this.#messages()?.cancel(block.piece, block.begin, block.length);
  }

  /** These three send nothing to a peer without BEP 6. */
  sendReject(block: BlockRef): void {
    if (this.identity?.fast === true) this.#messages()?.reject(block.piece, block.begin, block.length);
  }

  sendAllowedFast(piece: PieceIndex): void {
    if (this.identity?.fast === true) this.#messages()?.allowedFast(piece);
  }

  sendSuggest(piece: PieceIndex): void {
    if (this.identity?.fast === true) this.#messages()?.suggest(piece);
  }

  /**
   * Sends whole `piece` messages, made by `upload.ts`, with `payload` bytes of blocks in them. They must not change
   * until `done` is called.
   * @returns false when the peer is slower than we are: wait for `onDrain`.
   */
  sendBlocks(messages: Uint8Array, payload: number, done: () => void): boolean {
    if (this.#phase.name !== "exchanging") {
      done();
      return false;
    }
    this.flush();
    this.bytesUp += messages.length;
    this.payloadUp += payload;
    this.#silence.sent();
    return this.transport.write(messages, done);
  }

  /** Sends now what was collected. */
  flush(): void {
    if (this.#phase.name === "closed" || this.#phase.name === "idle") return;
    const sent = this.#outbox.flush();
    if (sent === 0) return;
    this.bytesUp += sent;
    this.#silence.sent();
    if (this.#outbox.unsent > MAX_UNSENT) {
      this.close(new ProtocolError("the peer does not read what it asked for"));
    }
  }

  /** Stops reading from the peer; what was received already may still be handed over. */
  pause(): void {
    this.#paused = true;
    this.transport.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // While we did not listen, silence was not the peer's fault.
    this.#silence.received();
    if (!this.isClosed) this.transport.resume();
  }

  /** Ends the connection; `onClose` is called with `reason`, within this call. */
  close(reason?: Error): void {
    const phase = this.#phase;
    if (phase.name === "closed") return;
    if (phase.name === "exchanging") phase.framer.stop();
    this.#phase = { name: "closed", identity: this.identity };
    this.#silence.stop();
    this.transport.destroy();
    this.#handler?.onClose(reason);
  }

  /** Where to write; undefined when nothing may be sent. Sees to it that it leaves soon. */
  #messages() {
    if (this.#phase.name !== "exchanging") return undefined;
    if (this.#outbox.messages.length >= FLUSH_AT) this.flush();
    if (!this.#receiving && !this.#flushQueued) {
      this.#flushQueued = true;
      queueMicrotask(this.#flushLater);
    }
    // The flush may have closed us.
    return this.isClosed ? undefined : this.#outbox.messages;
  }

  readonly #flushLater = () => {
    this.#flushQueued = false;
    this.flush();
  };

  #sendHandshake(): void {
    const { infoHash, peerId } = this.#options;
    const dht = this.#options.dht !== undefined;
    this.#outbox.messages.raw(encodeHandshake({ infoHash, peerId, fast: true, extended: true, dht }));
    this.flush();
  }

  /** The handshake was read before it was known whose connection this is. */
  #resumeIncoming(incoming: IncomingPeer): void {
    this.bytesDown = HANDSHAKE_LENGTH;
    try {
      this.#greet(incoming.handshake);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (incoming.rest.length > 0) this.#receive(incoming.rest);
    if (!this.#paused && !this.isClosed) this.transport.resume();
  }

  #receive(bytes: Uint8Array): void {
    this.bytesDown += bytes.length;
    // A handshake that trickles in gains no time.
    if (this.#phase.name === "exchanging") this.#silence.received();
    this.#receiving = true;
    try {
      this.#take(bytes);
    } catch (error) {
      this.#fail(error);
    }
    this.#receiving = false;
    this.flush();
  }

  #take(bytes: Uint8Array): void {
    const phase = this.#phase;
    switch (phase.name) {
      case "handshaking": {
        const taken = phase.reader.push(bytes);
        const { handshake } = phase.reader;
        if (handshake === undefined) return;
        this.#greet(handshake);
        if (taken < bytes.length) this.#take(bytes.subarray(taken));
        return;
      }
      case "exchanging":
        return phase.framer.push(bytes);
      case "idle":
      case "closed":
        return;
      default:
        return phase satisfies never;
    }
  }

  /** Both handshakes are known: from here on messages are exchanged. */
  #greet(handshake: Handshake): void {
    const { infoHash, peerId, incoming, layout, extensionsOnly = false } = this.#options;
    if (!bytesEqual(handshake.infoHash, infoHash)) {
      throw new ProtocolError("the peer answered for another torrent");
    }
    // Answered even when it's ourselves: only the end that dialled knows which address not to dial again.
    if (incoming !== undefined) this.#sendHandshake();
    if (bytesEqual(handshake.peerId, peerId)) throw new OwnConnectionError();
    const identity = { peerId: handshake.peerId, fast: handshake.fast, extended: handshake.extended };
    const { fast, extended } = identity;
    const lateBitfields = sendsLateBitfields(identity.peerId);
    const { dht: ownNode } = this.#options;
    const onPort = handshake.dht === true ? once(ownNode?.onPort) : undefined;
    const allowed = { fast, extended, lateBitfields, extensionsOnly, onPort };
    const framer = new Framer({ sink: this.#sink, layout, ...allowed });
    this.#phase = { name: "exchanging", framer, identity };
    this.#silence.received();
    this.#handler?.onHandshake(identity);
    if (ownNode !== undefined && handshake.dht === true) this.#messages()?.port(ownNode.port);
    this.flush();
  }

  /** Whatever goes wrong with one peer, be it our own mistake, ends with that peer. */
  #fail(error: unknown): void {
    this.close(error instanceof Error ? error : new ProtocolError(String(error)));
  }

  /** Keeps the flags and the counters, and passes on what arrives. */
  readonly #sink: MessageSink = {
    onChoke: () => {
      this.peerChoking = true;
      this.#handler?.onChoke();
    },
    onUnchoke: () => {
      this.peerChoking = false;
      this.#handler?.onUnchoke();
    },
    onInterested: () => {
      this.peerInterested = true;
      this.#handler?.onInterested();
    },
    onNotInterested: () => {
      this.peerInterested = false;
      this.#handler?.onNotInterested();
    },
    onHave: (piece) => this.#handler?.onHave(piece),
    onPieces: (pieces) => this.#handler?.onPieces(pieces),
    onRequest: (piece, begin, length) => this.#handler?.onRequest({ piece, begin, length }),
    onCancel: (piece, begin, length) => this.#handler?.onCancel({ piece, begin, length }),
    onReject: (piece, begin, length) => this.#handler?.onReject({ piece, begin, length }),
    onAllowedFast: (piece) => this.#handler?.onAllowedFast(piece),
    onSuggest: (piece) => this.#handler?.onSuggest(piece),
    onBlock: (piece, begin, data) => {
      this.payloadDown += data.length;
      this.#handler?.onBlock(piece, begin, data);
    },
    onExtended: (id, payload) => {
      if (id === 0) this.#handler?.onExtendedHandshake(parseExtendedHandshake(payload));
      else this.#handler?.onExtended(id, payload);
    },
  };
}

function once(tell: ((port: number) => void) | undefined): ((port: number) => void) | undefined {
  let isTold = false;
  return (
    tell &&
    ((port) => {
      if (!isTold) tell(port);
      isTold = true;
    })
  );
}
