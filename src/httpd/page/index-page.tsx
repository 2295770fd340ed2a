/** The list of shares, and the page for what isn't there. */
import { escapeForTerminal } from "../../protocol/escape.ts";
import { percent } from "../core/format.ts";
import { sizeInWords } from "../describe.ts";
import { sharePath } from "../links.ts";
import type { Share, ShareState } from "../model.ts";
import { Layout } from "./layout.tsx";

export interface IndexPageProps {
  readonly shares: readonly Share[];
  readonly root: string;
  /** The checked host of the request. */
  readonly host: string;
  readonly version: string;
}

export function IndexPage({ shares, root, host, version }: IndexPageProps) {
  const isWaiting = shares.some(({ state }) => state.name === "scanning" || state.name === "hashing");
  return (
    <Layout
      title={`Shared from ${host}`}
      root={root}
      version={version}
      refreshSeconds={isWaiting ? 2 : undefined}
    >
      <h1>Shared from {host}</h1>
      {shares.length === 0 ? (
        <p class="soft">Nothing is listed here. A share that isn't listed has a link of its own.</p>
      ) : null}
      <ul class="shares">
        {shares.map((share) => (
          <li class="card">
            <a href={root + sharePath(share)}>
              <bdi>{escapeForTerminal(share.name)}</bdi>
            </a>
            <p class="soft">
              {sizeInWords(share)}
              {stateNote(share.state)}
            </p>
          </li>
        ))}
      </ul>
    </Layout>
  );
}

function stateNote(state: ShareState): string {
  switch (state.name) {
    case "scanning":
      return ", being listed";
    case "hashing":
      return `, being prepared: ${percent(state.bytesDone, state.bytesTotal)} %`;
    case "failed":
    case "ended":
      return ", not shared any more";
    case "ready":
      return "";
  }
}

export interface ProblemPageProps {
  readonly title: string;
  readonly message: string;
  readonly root: string;
  readonly version: string;
}

export function ProblemPage({ title, message, root, version }: ProblemPageProps) {
  return (
    <Layout title={title} root={root} version={version}>
      <h1>{title}</h1>
      <p>{escapeForTerminal(message)}</p>
      <p>
        <a href={`${root}/`}>Everything that is shared from here</a>
      </p>
    </Layout>
  );
}
