/** What the pages do beyond links and forms: live parts, moving about without reloading, copying, selecting. */

/** Milliseconds between two looks when there is no stream to listen to. */
const POLL = 10_000;
/** Characters of a link, above which servers and browsers may refuse it. */
const MAX_LINK = 15_000;

interface Pulse {
  readonly phase: string;
  readonly parts: Readonly<Record<string, string>>;
}

interface Chosen {
  readonly bytes: number;
  readonly count: number;
  /** Of a file. */
  readonly href: string | undefined;
}

const { body } = document;
const chosen = new Map<string, Chosen>();
const bar = selectionBar();

listen();
dress(document);
document.addEventListener("click", onClick);
document.addEventListener("change", onChange);
document.addEventListener("submit", onSubmit);
document.addEventListener("input", onInput);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector<HTMLAnchorElement>("[data-close]")?.click();
});
addEventListener("popstate", () => void show(location.href));

// ---- live

function listen(): void {
  const url = body.dataset["events"];
  if (url === undefined) return;
  const source = new EventSource(url);
  source.addEventListener("message", (event: MessageEvent<string>) => {
    lost(false);
    // Our own server wrote it.
    take(JSON.parse(event.data) as Pulse);
  });
  source.addEventListener("error", () => {
    // A broken connection is tried again by the browser; one that was refused (too many watch, gone) by us.
    if (source.readyState === EventSource.CONNECTING) lost(true);
    else setTimeout(() => void poll(), POLL);
  });
  // So that the port is free at once when the visitor goes on to another page.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}

async function poll(): Promise<void> {
  lost(!(await load(location.href, "main")));
  listen();
}

function take({ phase, parts }: Pulse): void {
  if (phase !== body.dataset["phase"]) {
    body.dataset["phase"] = phase;
    void load(location.href, "main");
    return;
  }
  for (const [id, html] of Object.entries(parts)) {
    const old = document.getElementById(id);
    const fresh = parse(html).body.firstElementChild;
    if (old !== null && fresh !== null) morph(old, fresh);
  }
}

function lost(isLost: boolean): void {
  const notice = document.getElementById("lost");
  if (notice !== null) notice.hidden = !isLost;
  body.classList.toggle("stale", isLost);
}

// ---- moving about

/** Replaces one element by what the page at `url` has in its place, unless by then nobody wants it. */
async function load(url: string, id: string, isWanted = () => true): Promise<boolean> {
  try {
    const response = await fetch(url, { headers: { Accept: "text/html" }, cache: "no-store" });
    const page = parse(await response.text());
    if (!isWanted()) return true;
    const old = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (old === null || fresh === null) return false;
    morph(old, fresh);
    dress(old);
    return true;
  } catch {
    return false;
  }
}

let newest = 0;

/** Shows another view of the files; the last one asked for wins. */
async function show(url: string): Promise<boolean> {
  const mine = ++newest;
  const before = document.getElementById("preview")?.dataset["key"];
  const files = document.getElementById("files");
  files?.setAttribute("aria-busy", "true");
  const isThere = await load(url, "files", () => mine === newest);
  if (mine !== newest) return true;
  files?.removeAttribute("aria-busy");
  const preview = document.getElementById("preview");
  if (preview !== null && preview.dataset["key"] !== before) {
    preview.scrollIntoView({ block: "start" });
    document.getElementById("preview-title")?.focus({ preventScroll: true });
  }
  return isThere;
}

async function go(url: string, how: "push" | "replace"): Promise<void> {
  if (how === "push") history.pushState(null, "", url);
  else history.replaceState(null, "", url);
  if (!(await show(url))) location.reload();
}

function onClick(event: MouseEvent): void {
  const target = event.target instanceof Element ? event.target : null;
  const link = target?.closest<HTMLAnchorElement>("a[data-nav]");
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (link && isPlain) {
    event.preventDefault();
    void go(link.href, "push");
    return;
  }
  const button = target?.closest<HTMLButtonElement>("button[data-copy]");
  if (button) copy(button.dataset["copy"] ?? "", button);
}

function onSubmit(event: SubmitEvent): void {
  if (!(event.target instanceof HTMLFormElement) || event.target.dataset["nav"] === undefined) return;
  event.preventDefault();
  void go(searchUrl(event.target), "push");
}

let typing: ReturnType<typeof setTimeout> | undefined;

function onInput(event: Event): void {
  const form =
    event.target instanceof HTMLInputElement && event.target.type === "search" ? event.target.form : null;
  if (form === null) return;
  clearTimeout(typing);
  typing = setTimeout(() => void go(searchUrl(form), "replace"), 200);
}

function searchUrl(form: HTMLFormElement): string {
  const url = new URL(form.action);
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && value !== "") url.searchParams.set(name, value);
  }
  return url.href;
}

function parse(html: string): Document {
  return new DOMParser().parseFromString(html, "text/html");
}

/** Makes `old` like `fresh` and keeps what is the same, so that focus, selection and playing media survive. */
function morph(old: Element, fresh: Element): void {
  if (old.isEqualNode(fresh)) return;
  if (old.tagName !== fresh.tagName) {
    old.replaceWith(document.importNode(fresh, true));
    return;
  }
  for (const { name } of [...old.attributes]) {
    // What the visitor unfolded, and what this script has shown, stays so.
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  morphChildren(old, fresh);
}

function morphChildren(old: Element, fresh: Element): void {
  const keyed = new Map<string, Element>();
  for (const child of old.children) {
    const key = keyOf(child);
    if (key !== undefined) keyed.set(key, child);
  }
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    const same = key === undefined ? undefined : keyed.get(key);
    const found: ChildNode | null = same ?? (at !== null && isAlike(at, wanted) ? at : null);
    if (found === null) {
      old.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    if (found === at) at = at.nextSibling;
    else old.insertBefore(found, at);
    if (found instanceof Element && wanted instanceof Element) morph(found, wanted);
    else if (found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue;
  }
  while (at !== null) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function keyOf(node: Node): string | undefined {
  // The fresh document's elements are of this window's classes too: DOMParser makes them here.
  return node instanceof HTMLElement
    ? (node.dataset["key"] ?? (node.id === "" ? undefined : node.id))
    : undefined;
}

function isAlike(a: Node, b: Node): boolean {
  return a.nodeName === b.nodeName && keyOf(a) === undefined && keyOf(b) === undefined;
}

// ---- copying and selecting

/** Shows what needs this script, hides what stands in for it, and ticks what was chosen on other pages of the list. */
function dress(part: ParentNode): void {
  for (const element of part.querySelectorAll<HTMLElement>("button[data-copy]")) element.hidden = false;
  for (const form of part.querySelectorAll<HTMLElement>("#picked")) form.hidden = true;
  for (const box of part.querySelectorAll<HTMLInputElement>(".tick input"))
    box.checked = chosen.has(box.value);
}

/** Works on plain HTTP too, where browsers offer pages no clipboard. */
function copy(text: string, button: HTMLButtonElement): void {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hush";
  body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  button.focus();
  const note = button.querySelector<HTMLElement>(".copied");
  if (note === null) {
    button.textContent = isCopied ? "Copied" : "Can't copy";
    return;
  }
  note.textContent = isCopied ? "Copied" : "Can't copy";
  note.hidden = false;
  setTimeout(() => {
    note.hidden = true;
  }, 1500);
}

function onChange(event: Event): void {
  const box =
    event.target instanceof HTMLInputElement && event.target.type === "checkbox" ? event.target : null;
  if (box === null || box.name !== "select") return;
  const { bytes, count, href } = box.dataset;
  if (box.checked) chosen.set(box.value, { bytes: Number(bytes), count: Number(count), href });
  else chosen.delete(box.value);
  showSelection();
}

function selectionBar() {
  const element = document.createElement("section");
  element.id = "selection";
  element.hidden = true;
  element.setAttribute("aria-label", "Selected files");
  const text = document.createElement("p");
  text.setAttribute("role", "status");
  const save = makeButton("Download", saveChosen);
  const command = makeButton("Copy command", () => {
    copy(selectCommand(), command);
    setTimeout(() => {
      command.textContent = "Copy command";
    }, 1500);
  });
  const clear = makeButton("Clear", () => {
    chosen.clear();
    dress(document);
    showSelection();
  });
  command.className = clear.className = "quiet";
  element.append(text, save, command, clear);
  body.append(element);
  return { element, text, save };
}

function makeButton(label: string, act: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", act);
  return button;
}

function showSelection(): void {
  let bytes = 0;
  let count = 0;
  for (const each of chosen.values()) {
    bytes += each.bytes;
    count += each.count;
  }
  bar.element.hidden = chosen.size === 0;
  body.classList.toggle("choosing", chosen.size > 0);
  bar.text.textContent = `${count} ${count === 1 ? "file" : "files"}, ${inUnits(bytes)}`;
  const { isZip, url } = chosenLink();
  bar.save.disabled = url.length > MAX_LINK;
  bar.save.textContent = isZip ? "Download ZIP" : "Download";
  bar.save.title = bar.save.disabled ? "Too many for a link: take their folders, or the command" : "";
}

function inUnits(bytes: number): string {
  const unit = bytes < 1000 ? 0 : Math.min(5, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** unit;
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${["bytes", "KB", "MB", "GB", "TB", "PB"][unit] ?? ""}`;
}

/** One file as it is; anything else as one ZIP. */
function chosenLink(): { readonly isZip: boolean; readonly url: string } {
  const [only, ...others] = chosen.values();
  if (only?.href !== undefined && others.length === 0) return { isZip: false, url: only.href };
  const query = new URLSearchParams([...chosen.keys()].map((path) => ["select", path]));
  return { isZip: true, url: `${location.pathname}.zip?${query}` };
}

function saveChosen(): void {
  const link = document.createElement("a");
  link.href = chosenLink().url;
  link.download = "";
  link.hidden = true;
  body.append(link);
  link.click();
  link.remove();
}

/** The command that gets the selection, for a POSIX shell. */
function selectCommand(): string {
  const url = `${location.origin}${location.pathname}`;
  const globs = [...chosen.keys()].map((path) => {
    const glob = path.replace(/[\\*?[\]{}()!+@|]/g, "\\$&");
    // With a slash in it a glob means this very path, without one any file of that name.
    return ` --select '${(glob.includes("/") ? glob : `./${glob}`).replaceAll("'", "'\\''")}'`;
  });
  return `share get ${url}${globs.join("")}`;
}
