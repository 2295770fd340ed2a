/** A network in memory, on a fake clock: hosts with links of limited rate, and TCP-like connections between them. */
import type { Dial, PeerAddress, Transport, TransportHandler } from "../../src/platform/transport.ts";
import type { Clock } from "../../src/protocol/ambient.ts";

/** What a link carries at once; connections of one host take turns after each. */
const SEGMENT = 16_384;
/** A sender may be this far ahead of its receiver's `onData`, as TCP's window allows. */
const WINDOW = 256 * 1024;
/** `write` returns false from here on, as a Node socket does. */
const HIGH_WATER_MARK = 16_384;

export interface HostOptions {
  /** Bytes a second; Infinity by default. */
  readonly up?: number;
  readonly down?: number;
}

export class MemoryNetwork {
  readonly #hosts = new Map<string, MemoryHost>();
  readonly clock: Clock;
  /** Milliseconds from any host to any other. */
  readonly delay: number;
  /** Bytes of a connection that the system takes at once, out of the sender's sight. */
  readonly socketBuffer: number;
  /** Reused segments: a run moves gigabytes. */
  readonly spare: Uint8Array[] = [];

  constructor(clock: Clock, options: { readonly delay?: number; readonly socketBuffer?: number } = {}) {
    this.clock = clock;
    this.delay = options.delay ?? 0;
    this.socketBuffer = options.socketBuffer ?? 0;
  }

  /** Adds a host; `address` is any text that is used as an IP literal. */
  host(address: string, options: HostOptions = {}): MemoryHost {
    const host = new MemoryHost(this, address, options);
    this.#hosts.set(address, host);
    return host;
  }

  find(address: string): MemoryHost | undefined {
    return this.#hosts.get(address);
  }
}

/** One machine: everything it sends shares its uplink, everything it receives its downlink. */
export class MemoryHost {
  readonly address: string;
  readonly network: MemoryNetwork;
  readonly #listeners = new Map<number, (transport: Transport) => void>();
  readonly #connections = new Set<MemoryTransport>();
  /** Connections that have something to send and may, in turn. */
  readonly #ready: MemoryTransport[] = [];
  #up: number;
  #down: number;
  #sending = false;
  #downFree = 0;
  #nextPort = 50_000;
  /** Bytes that left and arrived, everything counted. */
  bytesUp = 0;
  bytesDown = 0;

  constructor(network: MemoryNetwork, address: string, options: HostOptions) {
    this.network = network;
    this.address = address;
    this.#up = options.up ?? Number.POSITIVE_INFINITY;
    this.#down = options.down ?? Number.POSITIVE_INFINITY;
  }

  /** Open connections: 0 shows that nothing was left behind. */
  get connections(): number {
    return this.#connections.size;
  }

  listen(port: number, accept: (transport: Transport) => void): void {
    this.#listeners.set(port, accept);
  }

  /** @internal */
  listener(port: number): ((transport: Transport) => void) | undefined {
    return this.#listeners.get(port);
  }

  setRates(options: HostOptions): void {
    this.#up = options.up ?? this.#up;
    this.#down = options.down ?? this.#down;
  }

  /** Everything of this host is gone at once, as when its process is killed. */
  crash(): void {
    this.#listeners.clear();
    for (const connection of this.#connections) connection.destroy();
  }

  readonly dial: Dial = (address, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const { clock, delay } = this.network;
      const answer = clock.after(2 * delay, () => {
        signal.removeEventListener("abort", onAbort);
        const there = this.network.find(address.host);
        const accept = there?.listener(address.port);
        if (there === undefined || accept === undefined) {
          reject(new Error(`connect ECONNREFUSED ${address.host}:${address.port}`));
          return;
        }
        const [mine, theirs] = this.#connect(there, address.port);
        accept(theirs);
        resolve(mine);
      });
      const onAbort = () => {
        answer.cancel();
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });

  #connect(there: MemoryHost, port: number): [MemoryTransport, MemoryTransport] {
    const mine = new MemoryTransport(this, { host: there.address, port });
    const theirs = new MemoryTransport(there, { host: this.address, port: this.#nextPort++ });
    mine.peer = theirs;
    theirs.peer = mine;
    this.#connections.add(mine);
    there.#connections.add(theirs);
    return [mine, theirs];
  }

  /** @internal A connection of this host has something to send, and its receiver has room. */
  schedule(connection: MemoryTransport): void {
    this.#ready.push(connection);
    this.#send();
  }

  /** @internal */
  forget(connection: MemoryTransport): void {
    this.#connections.delete(connection);
  }

  #send(): void {
    while (!this.#sending) {
      const connection = this.#ready.shift();
      if (connection === undefined) return;
      const bytes = connection.takeSegment();
      if (bytes === undefined) continue;
      this.bytesUp += bytes.length;
      const { clock, delay } = this.network;
      const time = (bytes.length / this.#up) * 1000;
      // Before `sent`, which sends the next segment at once on a link without a rate.
      const receiver = connection.peer?.host;
      clock.after(time + delay, () => receiver?.receive(connection, bytes));
      this.#sending = time > 0;
      if (time > 0) {
        clock.after(time, () => {
          this.#sending = false;
          connection.sent();
          this.#send();
        });
      } else connection.sent();
    }
  }

  /** @internal The downlink takes one segment after the other, in the order in which they came. */
  receive(from: MemoryTransport, bytes: Uint8Array): void {
    const { clock } = this.network;
    this.#downFree = Math.max(this.#downFree, clock.now()) + (bytes.length / this.#down) * 1000;
    const deliver = () => {
      this.bytesDown += bytes.length;
      from.peer?.arrive(bytes);
    };
    if (this.#downFree > clock.now()) clock.after(this.#downFree - clock.now(), deliver);
    else deliver();
  }
}

interface PendingWrite {
  readonly bytes: Uint8Array;
  readonly done: (() => void) | undefined;
  offset: number;
}

/** One end of a connection in memory. */
export class MemoryTransport implements Transport {
  readonly remote: PeerAddress;
  readonly host: MemoryHost;
  peer: MemoryTransport | undefined;
  #handler: TransportHandler | undefined;
  #paused = false;
  /** In `#deliver`. */
  #delivering = false;
  #destroyed = false;
  #closedTold = false;
  #ended = false;
  #writes: PendingWrite[] = [];
  #buffered = 0;
  #needDrain = false;
  #scheduled = false;
  /** Sent, but not yet given to the receiver's handler. */
  #unacknowledged = 0;
  /** Segments in flight, so that the end comes after them. */
  #inFlight = 0;
  readonly #arrived: Uint8Array[] = [];

  constructor(host: MemoryHost, remote: PeerAddress) {
    this.host = host;
    this.remote = remote;
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#buffered - this.host.network.socketBuffer);
  }

  attach(handler: TransportHandler): void {
    this.#handler = handler;
    this.#later(() => {
      if (this.#destroyed) this.#tellClosed();
      else this.#deliver();
    });
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    if (this.#destroyed) {
      if (done !== undefined) this.#later(done);
      return false;
    }
    this.#buffered += bytes.length;
    this.#writes.push({ bytes, done, offset: 0 });
    this.#schedule();
    const isFull = this.bufferedBytes >= HIGH_WATER_MARK;
    this.#needDrain ||= isFull;
    return !isFull;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#later(() => this.#deliver());
  }

  /** What was not sent yet is lost; what is on its way arrives, and then the other end closes. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.host.forget(this);
    const writes = this.#writes;
    this.#writes = [];
    this.#buffered = 0;
    this.#arrived.length = 0;
    this.#later(() => {
      for (const write of writes) write.done?.();
      this.#tellClosed();
    });
    this.#endIfLast();
  }

  /** @internal The next bytes for the link; undefined when there are none, or no room for them. */
  takeSegment(): Uint8Array | undefined {
    this.#scheduled = false;
    if (this.#destroyed || this.#buffered === 0) return undefined;
    const segment = this.#segment(Math.min(SEGMENT, this.#buffered));
    let at = 0;
    while (at < segment.length) {
      const write = this.#writes[0];
      if (write === undefined) break;
      const part = write.bytes.subarray(write.offset, write.offset + segment.length - at);
      segment.set(part, at);
      at += part.length;
      write.offset += part.length;
      if (write.offset < write.bytes.length) break;
      this.#writes.shift();
      if (write.done !== undefined) this.#later(write.done);
    }
    this.#buffered -= segment.length;
    this.#unacknowledged += segment.length;
    this.#inFlight++;
    if (this.bufferedBytes === 0 && this.#needDrain) {
      this.#needDrain = false;
      this.#later(() => {
        if (!this.#destroyed) this.#handler?.onDrain();
      });
    }
    return segment;
  }

  /** @internal The link has taken the last segment. */
  sent(): void {
    this.#schedule();
  }

  /** @internal A segment from the other end is here. */
  arrive(bytes: Uint8Array): void {
    const sender = this.peer;
    if (!this.#destroyed) {
      this.#arrived.push(bytes);
      this.#deliver();
    }
    if (sender === undefined) return;
    sender.#inFlight--;
    sender.#endIfLast();
  }

  #deliver(): void {
    // A handler that calls resume() or attach() must not be entered again.
    if (this.#delivering) return;
    this.#delivering = true;
    while (!this.#paused && !this.#destroyed && this.#handler !== undefined) {
      const bytes = this.#arrived.shift();
      if (bytes === undefined) break;
      this.#handler.onData(bytes);
      const length = bytes.length;
      // Whoever kept a view, against the rules, sees rubbish.
      bytes.fill(0xdb);
      if (bytes.byteLength === SEGMENT) this.host.network.spare.push(bytes);
      this.peer?.acknowledge(length);
    }
    this.#delivering = false;
    if (this.#ended && this.#arrived.length === 0) this.destroy();
  }

  /** @internal */
  acknowledge(length: number): void {
    this.#unacknowledged -= length;
    this.#schedule();
  }

  /** After the last segment of a destroyed end, the other one sees the end of the stream. */
  #endIfLast(): void {
    if (!this.#destroyed || this.#inFlight > 0) return;
    const { clock, delay } = this.host.network;
    clock.after(delay, () => this.peer?.end());
  }

  /** @internal */
  end(): void {
    if (this.#destroyed) return;
    this.#ended = true;
    this.#deliver();
  }

  #schedule(): void {
    if (this.#scheduled || this.#destroyed || this.#buffered === 0) return;
    if (this.#unacknowledged >= WINDOW) return;
    this.#scheduled = true;
    this.host.schedule(this);
  }

  #segment(length: number): Uint8Array {
    return (length === SEGMENT ? this.host.network.spare.pop() : undefined) ?? new Uint8Array(length);
  }

  #tellClosed(): void {
    if (this.#closedTold || this.#handler === undefined) return;
    this.#closedTold = true;
    this.#handler.onClose();
  }

  #later(task: () => void): void {
    this.host.network.clock.after(0, task);
  }
}
