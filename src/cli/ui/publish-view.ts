import { escapeForTerminal } from "../../protocol/escape.ts";
import type {
  CodeEvent,
  EndedEvent,
  FailedEvent,
  ListeningEvent,
  OpenedEvent,
  PeerEvent,
  PublishEvent,
  ReadyEvent,
  StatsEvent,
} from "../../share/events.ts";
import type { Output } from "../output.ts";
import { countOf, formatBytes, formatDuration, formatRate } from "../units.ts";
import type { ProgressDisplay, ShowProgress } from "./progress.ts";
import { qrCode } from "./qr.ts";

/** What the publisher has to know, or to tell those who get the URL. */
export interface Terms {
  readonly password: boolean;
  readonly unlisted: boolean;
  readonly expireSeconds: number | undefined;
  readonly untilCopies: number | undefined;
}

export interface PublishViewOptions {
  readonly qr: boolean;
  readonly terms: Terms;
  /** What is done with the data before they are shared; default: hashing. */
  readonly work?: string;
}

/** Shows a publication to people; with `--json` all of this is silent. */
export class PublishView {
  readonly #output: Output;
  readonly #qr: boolean;
  readonly #terms: Terms;
  readonly #progress: ProgressDisplay;
  /** Ready, or failed. */
  #settledShares = 0;
  /** How one of those that are ready is got. */
  #anyUrl: string | undefined;
  #shares = 0;
  /** The one share that there is. */
  #only: string | undefined;
  /** Those whose URL is shown. */
  readonly #shown = new Set<string>();
  /** Of shares that are ready. */
  readonly #names = new Map<string, string>();

  constructor(output: Output, { qr, terms, work = "hashing" }: PublishViewOptions, show: ShowProgress) {
    this.#output = output;
    this.#qr = qr;
    this.#terms = terms;
    this.#progress = show(work);
  }

  show(event: PublishEvent): void {
    switch (event.event) {
      case "listening":
        return this.#listening(event);
      case "opened":
        return this.#opened(event);
      case "reading":
        return this.#progress.status(`reading  ${formatBytes(event.bytes)}`);
      case "hashing":
        return this.#progress.update(event);
      case "ready":
        return this.#isReady(event);
      case "code":
        return this.#code(event);
      case "peer":
        return this.#peer(event);
      case "stats":
        return this.#stats(event);
      case "warning":
        return this.#output.warn(event.message);
      case "ended":
        return this.#ended(event);
      case "failed":
        return this.#failed(event);
      case "stopped":
        return this.close();
    }
  }

  close(): void {
    this.#progress.stop();
  }

  #listening(event: ListeningEvent): void {
    const { colors } = this.#output;
    this.#shares = event.shares.length;
    const [first] = event.shares;
    if (event.shares.length === 1) this.#only = first?.share;
    for (const share of event.shares) {
      if (event.shares.length > 1) this.#output.note(colors.bold(escapeForTerminal(share.name)));
      this.#output.result(share.url);
      this.#shown.add(share.share);
    }
    if (first === undefined)
      this.#output.note(`Shares come and go: ${event.urls[0] ?? ""}/  Stop with Ctrl-C.`);
    const path = event.shares.length === 1 ? `/s/${first?.share}` : "/";
    for (const url of event.urls.slice(1)) this.#output.note(colors.dim(`also ${url}${path}`));
    if (!this.#qr || !this.#output.terminal || event.shares.length !== 1 || first === undefined) return;
    const code = qrCode(first.url, this.#output.stderr.columns ?? 80);
    if (code !== undefined) this.#output.note(code);
  }

  /** The way in from the internet; printed when it is known, since nothing waits for it. */
  #opened({ way, url = "" }: OpenedEvent): void {
    const path = this.#only === undefined ? "/" : `/s/${this.#only}`;
    this.#output.note(`outside  ${url}${path}  (opened by the router, ${way})`);
  }

  #isReady(event: ReadyEvent): void {
    const { colors } = this.#output;
    const what = `${countOf(event.files, "file")}, ${formatBytes(event.bytes)}`;
    this.#output.note(`${colors.green("ready")}  ${escapeForTerminal(event.name)}  ${what}`);
    if (!this.#shown.has(event.share)) this.#output.result(event.url);
    this.#names.set(event.share, event.name);
    this.#anyUrl = this.#shares === 1 ? event.url : "URL";
    this.#settled();
  }

  #code({ share, code }: CodeEvent): void {
    const whose = this.#shares === 1 ? "" : `  ${escapeForTerminal(this.#names.get(share) ?? "")}`;
    this.#output.note(`code   ${code}${whose}  (on this network: share get ${code})`);
  }

  #failed({ name, message }: FailedEvent): void {
    this.#output.warn(`"${name}" is not published: ${message}`);
    this.#settled();
  }

  /** When all of them are ready or have failed, says what to do now. */
  #settled(): void {
    // Those that came later need no more words.
    if (++this.#settledShares !== this.#shares || this.#anyUrl === undefined) return;
    this.#output.note(`Others get it with a browser, any BitTorrent client, or: share get ${this.#anyUrl}`);
    for (const line of inWords(this.#terms)) this.#output.note(line);
    this.#output.note("Stop with Ctrl-C.");
  }

  #ended({ reason }: EndedEvent): void {
    this.#output.note(`ended  ${WHY_ENDED[reason]}`);
  }

  #peer(event: PeerEvent): void {
    const who = `${event.address}  ${escapeForTerminal(event.client)}`;
    const done = `${Math.floor(event.progress * 100)} %`;
    if (event.state === "completed") this.#output.note(`${this.#output.colors.green("complete")}  ${who}`);
    else if (event.state === "joined") this.#output.note(`joined  ${who}`);
    else this.#output.detail(`left  ${who}  ${done}`);
  }

  #stats(event: StatsEvent): void {
    if (this.#settledShares < this.#shares) return;
    const words = [
      "seeding",
      `${formatRate(event.upRate)} up`,
      `${formatBytes(event.uploaded)} sent`,
      countOf(event.peers, "peer"),
      `${event.completed} complete`,
    ];
    this.#progress.status(words.join("  "));
  }
}

const WHY_ENDED: Readonly<Record<EndedEvent["reason"], string>> = {
  expired: "its time is over",
  copies: "enough receivers are complete",
  removed: "its torrent was taken away",
};

function inWords({ password, unlisted, expireSeconds, untilCopies }: Terms): string[] {
  const ends = [
    ...(expireSeconds === undefined ? [] : [`after ${formatDuration(expireSeconds)}`]),
    ...(untilCopies === undefined
      ? []
      : [`when ${countOf(untilCopies, "receiver")} ${untilCopies === 1 ? "is" : "are"} complete`]),
  ];
  return [
    ...(password ? ["Nobody gets anything without the password; browsers and share get ask for it."] : []),
    ...(unlisted ? ["It is in no list: only who has the URL finds it."] : []),
    ...(ends.length === 0 ? [] : [`It ends by itself ${ends.join(" or ")}.`]),
  ];
}
