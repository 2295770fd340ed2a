import { escapeForTerminal } from "../../protocol/escape.ts";
import type { DoneEvent, GetEvent, ProgressEvent, StartedEvent } from "../../share/events.ts";
import type { Preparation } from "../../share/get/get-types.ts";
import type { Output } from "../output.ts";
import { countOf, formatBytes, formatDuration, formatRate } from "../units.ts";
import type { ProgressDisplay, ShowProgress } from "./progress.ts";

/** Shows a download to people; with `--json` all of this is silent. */
export class GetView {
  readonly #output: Output;
  readonly #show: ShowProgress;
  readonly #tellsPath: boolean;
  /** What is said before each message when there are several downloads. */
  readonly #label: string;
  #progress: ProgressDisplay | undefined;
  #preparing: Preparation["work"] | undefined;
  #done = false;
  /** Bytes that were here before. */
  #resumed = 0;

  /** @param tellsPath false when what was got is not to be found there */
  constructor(output: Output, show: ShowProgress, tellsPath = true, label = "") {
    this.#output = output;
    this.#label = label;
    this.#tellsPath = tellsPath;
    this.#show = show;
  }

  show(event: GetEvent): void {
    switch (event.event) {
      case "started":
        return this.#started(event);
      case "identified":
        return this.#output.detail(`info hash ${event.infoHash}`);
      case "progress":
        return this.#update(event);
      case "done":
        return this.#isDone(event);
      case "opened":
        return this.#output.note(
          `outside  ${event.address} port ${event.port}  (opened by the router, ${event.way})`,
        );
      case "warning":
        return this.#output.warn(this.#label + event.message);
    }
  }

  /** What has to be done before the download. */
  prepare({ work, bytesDone, bytesTotal }: Preparation): void {
    if (this.#preparing !== work) {
      this.#progress?.stop();
      this.#progress = this.#show(work);
      this.#preparing = work;
    }
    this.#progress?.update({ bytesDone, bytesTotal });
  }

  close(): void {
    this.#progress?.stop();
  }

  #started(event: StartedEvent): void {
    this.#resumed = event.resumedBytes;
    const resumed = event.resumedBytes > 0 ? `, ${formatBytes(event.resumedBytes)} already here` : "";
    const what = `${countOf(event.files, "file")}, ${formatBytes(event.bytes)}${resumed}`;
    this.#output.note(`${this.#output.colors.bold(escapeForTerminal(event.name))}  ${what}`);
    if (event.infoHash === null)
      this.#output.note("The publisher is still hashing; what it has hashed is fetched meanwhile.");
  }

  #update(event: ProgressEvent): void {
    const seeds = event.webSeeds > 0 ? `, ${countOf(event.webSeeds, "web seed")}` : "";
    const peers = `${countOf(event.peers, "peer")}${seeds}`;
    const up = event.upRate > 0 ? `  ${formatRate(event.upRate)} up` : "";
    if (this.#done) {
      this.#progress ??= this.#show("seeding");
      this.#progress.status(`seeding  ${formatRate(event.upRate)} up  ${peers}`);
      return;
    }
    if (this.#preparing !== undefined) this.#progress?.stop();
    if (this.#preparing !== undefined || this.#progress === undefined) {
      this.#progress = this.#show("getting");
      this.#preparing = undefined;
    }
    this.#progress.update({ ...event, rate: event.downRate, detail: `${peers}${up}` });
  }

  #isDone(event: DoneEvent): void {
    this.#done = true;
    this.#progress?.stop();
    this.#progress = undefined;
    this.#output.note(
      `${this.#output.colors.green("done")}  ${escapeForTerminal(this.#label)}${this.#summary(event)}`,
    );
    if (this.#tellsPath) this.#output.result(escapeForTerminal(event.path));
  }

  #summary({ bytes, seconds }: DoneEvent): string {
    const fetched = bytes - this.#resumed;
    if (fetched <= 0) return `${formatBytes(bytes)}, all of it was here already`;
    const took = seconds < 9.95 ? `${seconds.toFixed(1)}s` : formatDuration(seconds);
    // Of an instant there is no rate worth telling.
    const rate = seconds < 0.5 ? "" : ` (${formatRate(fetched / seconds)})`;
    return `${formatBytes(fetched)} in ${took}${rate}`;
  }
}
