/** The live parts of a share's page: how far it is, and who has it. Links to nothing, so all visitors get the same. */

import { countOf, formatBytes, formatCount, percent } from "../core/format.ts";
import { areaPath, linePath } from "../core/plot.ts";
import { stateInWords } from "../describe.ts";
import type { Receiver, Room, Share } from "../model.ts";
import { Icon } from "./layout.tsx";
import { shown } from "./shown.ts";

/** Rows; who is further down is only counted. */
const MAX_ROWS = 100;
const PLOT = { width: 360, height: 56 } as const;

/** Nobody gets anything of it any more. */
export function isOver({ state }: Share): boolean {
  return state.name === "failed" || state.name === "ended";
}

/** Preparing, or failed; nothing to say when it is ready. */
export function Status({ share }: { readonly share: Share }) {
  const { state } = share;
  const words = stateInWords(state);
  const isBad = isOver(share);
  return (
    <div id="status">
      {words === undefined ? null : (
        <section class={isBad ? "state bad" : "state"}>
          <p>
            {isBad ? <b>This can't be shared any more. </b> : null}
            {shown(words)}
          </p>
          {state.name === "hashing" ? (
            <progress
              max="100"
              value={String(percent(state.bytesDone, state.bytesTotal))}
              aria-label="Preparing the torrent"
            />
          ) : null}
        </section>
      )}
    </div>
  );
}

/** How many have it, of how many. */
export interface Tally {
  readonly completed: number;
  readonly total: number;
}

export function tally({ receivers, completed }: Room): Tally {
  const under = receivers.filter(({ state }) => state === "receiving").length;
  return { completed, total: completed + under };
}

/** What a publisher wants to know first. `downloads`: how many save single files over HTTP now. */
export function verdict(room: Room, downloads: number): string {
  const { completed, total } = tally(room);
  const others = downloads === 0 ? "" : `${countOf(downloads, "download")} in a browser`;
  if (total === 0) return others === "" ? "Nobody has asked for it yet" : others;
  if (completed < total) return `${formatCount(completed)} of ${formatCount(total)} complete`;
  return others === "" ? "Everyone has it: safe to stop" : `All ${formatCount(total)} complete, ${others}`;
}

export function isSafeToStop(room: Room, downloads: number): boolean {
  const { completed, total } = tally(room);
  return total > 0 && completed === total && downloads === 0;
}

export function RoomView({ room, downloads }: { readonly room: Room; readonly downloads: number }) {
  const { completed, total } = tally(room);
  const rows = room.receivers.slice(0, MAX_ROWS);
  const more = room.receivers.length - rows.length;
  const isSafe = isSafeToStop(room, downloads);
  const everything = room.receivers.reduce(
    (sum, { state, progress }) => sum + (state === "receiving" ? progress : 0),
    0,
  );
  return (
    <section id="room" class="card" aria-labelledby="room-title">
      <h2 id="room-title">Who has it</h2>
      <p class={isSafe ? "verdict safe" : "verdict"} role="status">
        {isSafe ? <Icon name="done" /> : null}
        {verdict(room, downloads)}
      </p>
      {total === 0 ? (
        <p class="soft">
          Receivers appear here as they come, with Boojum or any BitTorrent client, and how far they are.
        </p>
      ) : (
        <>
          <progress
            class="all"
            max="100"
            value={String(percent(completed + everything, total))}
            aria-label="All receivers together"
          />
          {isSafe || total === completed ? null : downloads > 0 ? (
            <p class="soft">And {countOf(downloads, "download")} in a browser.</p>
          ) : null}
        </>
      )}
      {room.uploaded > 0 || room.upRate > 0 ? <Plot room={room} /> : null}
      {rows.length === 0 ? null : (
        <ul class="people" aria-label="Receivers">
          {rows.map((receiver) => (
            <Row receiver={receiver} />
          ))}
        </ul>
      )}
      {more > 0 ? <p class="soft">And {formatCount(more)} more.</p> : null}
    </section>
  );
}

/** Seconds that are shown at least, also when nothing has been sent so long. */
const SHORTEST_PLOT = 60;

function Plot({ room: { rates: all, upRate, uploaded } }: { readonly room: Room }) {
  // A publisher that has just begun would have an empty plot with a spike at its end.
  const first = all.findIndex((rate) => rate > 0);
  const rates = all.slice(
    first < 0 ? -SHORTEST_PLOT : Math.min(Math.max(0, first - 1), all.length - SHORTEST_PLOT),
  );
  const seconds = rates.length;
  const span = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  const top = Math.max(...rates, 0);
  return (
    <figure class="plot">
      <svg
        viewBox={`0 0 ${PLOT.width} ${PLOT.height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`What is sent from here, last ${span}, ${formatBytes(top)} a second at the most`}
      >
        <path class="area" d={areaPath(rates, PLOT)} />
        <path class="line" d={linePath(rates, PLOT)} />
      </svg>
      <figcaption>
        <span>
          <b>{formatBytes(upRate)}/s</b> from here
        </span>
        <span>{formatBytes(uploaded)} sent</span>
        <span>last {span}</span>
      </figcaption>
    </figure>
  );
}

const ENDS = { complete: "Complete", gone: "Complete, left", helper: "Helps to send" } as const;

function Row({ receiver: { key, client, host, progress, rate, state } }: { readonly receiver: Receiver }) {
  const name = client === "" ? "Unknown client" : shown(client);
  return (
    <li data-key={key} class={state}>
      <span class="who">
        <bdi>{name}</bdi> <span class="soft">{shown(host)}</span>
      </span>
      {state === "receiving" ? (
        <>
          <span class="how">
            {rate > 0 ? <span class="soft">{formatBytes(rate)}/s</span> : null}{" "}
            <b>{percent(progress, 1)} %</b>
          </span>
          <progress
            max="100"
            value={String(percent(progress, 1))}
            aria-label={`Progress of ${name} at ${host}`}
          />
        </>
      ) : (
        <span class="how soft">
          <Icon name="done" />
          {ENDS[state]}
        </span>
      )}
    </li>
  );
}

/** What a stream of the page says: the phase, and each live part by its element's id. */
export function sharePulse(share: Share, downloads: number): string {
  return pulse(phaseOf(share), {
    status: <Status share={share} />,
    ...(isOver(share) ? {} : { room: <RoomView room={share.room()} downloads={downloads} /> }),
  });
}

export function pulse(
  phase: string,
  parts: Record<string, { toString(): string | Promise<string> }>,
): string {
  const html = Object.entries(parts).map(([id, part]) => [id, String(part)]);
  return JSON.stringify({ phase, parts: Object.fromEntries(html) });
}

/** While this stays the same, a page differs in its live parts only. */
export function phaseOf({ state, files }: Share): string {
  return `${state.name} ${files.length}`;
}
