/** One file, looked at in the page. */
import { formatBytes } from "../core/format.ts";
import type { PreviewKind } from "../core/preview.ts";
import { type FilesView, viewQuery } from "../core/view.ts";
import { filePath, sharePath } from "../links.ts";
import type { Share, SharedFile } from "../model.ts";
import { Icon } from "./layout.tsx";
import { shown } from "./shown.ts";

export interface PreviewContent {
  readonly file: SharedFile;
  readonly kind: PreviewKind;
  /** Of `text`: its beginning, or nothing when there is none to be had. */
  readonly text?: string | undefined;
  readonly isWhole?: boolean | undefined;
}

interface PreviewProps {
  readonly share: Share;
  readonly root: string;
  readonly view: FilesView;
  readonly preview: PreviewContent;
  readonly before?: SharedFile | undefined;
  readonly after?: SharedFile | undefined;
}

export function Preview({ share, root, view, preview, before, after }: PreviewProps) {
  const { file } = preview;
  const name = shown(file.path.at(-1) ?? "");
  const href = root + filePath(share, file);
  const link = (changed: SharedFile | undefined) =>
    `${root}${sharePath(share)}${viewQuery(view, { shown: changed?.path.join("/") })}#files`;
  return (
    <section id="preview" class="card" aria-labelledby="preview-title" data-key={file.path.join("/")}>
      <div class="head">
        <h2 id="preview-title" tabindex={-1}>
          <bdi>{name}</bdi>
        </h2>
        <div class="buttons">
          {before === undefined ? null : (
            <a class="button quiet" href={link(before)} rel="prev" data-nav>
              Previous
            </a>
          )}
          {after === undefined ? null : (
            <a class="button quiet" href={link(after)} rel="next" data-nav>
              Next
            </a>
          )}
          <a class="button quiet" href={href} download>
            <Icon name="save" />
            {formatBytes(file.length)}
          </a>
          <a class="button quiet" href={link(undefined)} data-nav data-close>
            <Icon name="close" />
            Close
          </a>
        </div>
      </div>
      <div class={`stage ${preview.kind}`}>
        <Stage preview={preview} href={href} name={name} />
      </div>
    </section>
  );
}

function Stage({
  preview,
  href,
  name,
}: {
  readonly preview: PreviewContent;
  readonly href: string;
  readonly name: string;
}) {
  switch (preview.kind) {
    case "image":
      return <img src={href} alt={name} />;
    case "audio":
      return <audio src={href} controls preload="metadata" aria-label={name} />;
    case "video":
      return <video src={href} controls preload="metadata" playsinline aria-label={name} />;
    case "pdf":
      // A browser's own viewer needs no rights here, and doesn't open inside a sandbox.
      return <iframe src={href} title={name} />;
    case "document":
      return <iframe src={href} title={name} sandbox="" />;
    case "text":
      return <Text preview={preview} />;
  }
}

function Text({ preview: { text, isWhole } }: { readonly preview: PreviewContent }) {
  if (text === undefined) return <p class="soft">This can't be shown as text. Download it instead.</p>;
  return (
    <>
      <pre tabindex={0}>{text}</pre>
      {isWhole === true ? null : <p class="soft">This is its beginning. Download it to see the rest.</p>}
    </>
  );
}
