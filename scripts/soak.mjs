// Hours of an ordinary life, in which nothing may grow: a publisher, receivers that come and go (whole, killed and
// started again, interrupted, aria2 where it is installed), visitors who leave in the middle, and noise.
// Usage: node scripts/soak.mjs [--seconds N] [--receivers N] [--seed N]; needs the built command, and Linux.
// What goes wrong, and memory, descriptors or handles that grow, are told, and the exit code is 1.
import { fork, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    receivers: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
  },
});
const seconds = Number(values.seconds);
const end = Date.now() + seconds * 1000;
/** The first part of the time is for caches and compilers to fill. */
const WARM_UP = 0.3;
/** What the last part may hold more than the part after warming up; of bytes, once and for each hour. */
const ALLOWED = { memory: 4 * 1024 * 1024, memoryAnHour: 2 * 1024 * 1024, descriptors: 6, handles: 12 };

let state = Number(values.seed) >>> 0;
/** mulberry32 */
function chance() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
const pick = (list) => list[Math.floor(chance() * list.length)];
const bytes = (length) => Buffer.from(Uint8Array.from({ length }, () => Math.floor(chance() * 256)));
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const command = fileURLToPath(new URL("../dist/cli.cjs", import.meta.url));
const place = mkdtempSync(path.join(tmpdir(), "boojum-soak-"));
const folder = path.join(place, "share");
const files = new Map();
mkdirSync(path.join(folder, "deep"), { recursive: true });
for (const [name, size] of [
  ["large", 6_000_000],
  ["deep/middle", 900_001],
  ["deep/small", 17],
]) {
  const data = bytes(size);
  writeFileSync(path.join(folder, name), data);
  files.set(name, sha256(data));
}

const counts = new Map();
const count = (what) => counts.set(what, (counts.get(what) ?? 0) + 1);
const problems = [];
const problem = (text) => {
  problems.push(text);
  console.error(`problem: ${text}`);
};
const running = new Set();

const publisher = fork(
  fileURLToPath(new URL("soak-publisher.mjs", import.meta.url)),
  [folder, path.join(place, "cache")],
  {
    execArgv: ["--expose-gc"],
    env: { ...process.env, BOOJUM_NO_LAN: "1" },
  },
);
let isStopping = false;
publisher.once("exit", (code, signal) => {
  if (!isStopping) problem(`the publisher ended: ${code ?? signal}`);
});
const { url } = await said("url");
const { hostname, port } = new URL(url);

/** The publisher's next message of a kind. */
function said(kind) {
  return new Promise((resolve) => {
    const listen = (message) => {
      if (!(kind in message)) return;
      publisher.off("message", listen);
      resolve(message);
    };
    publisher.on("message", listen);
  });
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

function start(program, args) {
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, BOOJUM_NO_LAN: "1" },
  });
  running.add(child);
  let said = "";
  child.stderr.on("data", (text) => {
    said = `${said}${text}`.slice(-2_000);
  });
  const ended = new Promise((resolve) => {
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code: code ?? signal, said });
    });
  });
  return { child, ended };
}

/** One receiver's life. */
async function receive(number) {
  const target = path.join(place, `to-${number}`);
  mkdirSync(target);
  const get = () =>
    start(process.execPath, [command, "get", url, "-o", target, "--no-lan", "--limit-down", "3MB/s", "-q"]);
  const fate = pick(["whole", "killed", "killed", "interrupted", "aria2"]);
  if (fate === "killed" || fate === "interrupted") {
    const { child, ended } = get();
    await pause(300 + chance() * 2_500);
    child.kill(fate === "killed" ? "SIGKILL" : "SIGINT");
    await ended;
  }
  if (fate === "aria2" && hasAria) {
    const args = [
      "--seed-time=0",
      "--enable-dht=false",
      "--bt-enable-lpd=false",
      "--max-tries=2",
      "-q",
      "-d",
      target,
      `${url}.torrent`,
    ];
    const { child, ended } = start("aria2c", args);
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(timer);
    count("aria2");
  } else {
    const { code, said } = await get().ended;
    count(fate);
    if (code !== 0) problem(`get (${fate}) ended with ${code}: ${said}`);
    else
      for (const [name, hash] of files) {
        if (sha256(readFileSync(path.join(target, "share", name))) !== hash)
          problem(`${name} differs after "${fate}"`);
      }
  }
  rmSync(target, { recursive: true, force: true });
}

const noises = {
  garbage: () => [bytes(1 + Math.floor(chance() * 400))],
  "half a handshake": () => [Buffer.from("\x13BitTorrent protocol"), bytes(Math.floor(chance() * 40))],
  "slow headers": () => [Buffer.from("GET / HTTP/1.1\r\nHost: x\r\nX-")],
  page: () => [Buffer.from(`GET ${new URL(url).pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`)],
  archive: () => [
    Buffer.from(`GET ${new URL(url).pathname}.zip HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`),
  ],
  events: () => [
    Buffer.from(
      `GET ${new URL(url).pathname}/events HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAccept: text/event-stream\r\n\r\n`,
    ),
  ],
  announce: () => [
    Buffer.from(
      `GET /announce?info_hash=${"%00".repeat(19)}%0${Math.floor(chance() * 9)}&peer_id=-XX0000-${String(chance()).slice(2, 14).padEnd(12, "0")}&port=${1 + Math.floor(chance() * 60_000)}&left=0 HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`,
    ),
  ],
};

/** Somebody who connects, says something, and goes: at once, later, or with a reset. */
async function disturb() {
  const noise = pick(Object.keys(noises));
  const socket = net.connect(Number(port), hostname);
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  for (const part of noises[noise]()) {
    socket.write(part);
    await pause(chance() * 100);
  }
  if (chance() < 0.5) socket.resume();
  await Promise.race([closed, pause(chance() < 0.2 ? 8_000 : chance() * 1_000)]);
  if (chance() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
  count(noise);
}

async function until(work) {
  for (let number = 0; Date.now() < end && problems.length < 20; number++) await work(number);
}

const hasAria = spawnSync("aria2c", ["--version"]).status === 0;
const samples = [];
async function watch() {
  for (;;) {
    const answer = said("sample");
    publisher.send("sample");
    const { sample } = await Promise.race([answer, pause(10_000).then(() => ({ sample: undefined }))]);
    if (sample === undefined) {
      problem("the publisher doesn't answer");
      return;
    }
    samples.push({ at: Date.now(), ...sample });
    if (samples.length % 30 === 1) tell("now", sample);
    if (Date.now() >= end) return;
    await pause(2_000);
  }
}

function tell(when, { memory, rss, descriptors, handles }) {
  const mib = (value) => (value / 1024 / 1024).toFixed(1);
  console.log(
    `${when}: heap and buffers ${mib(memory)} MiB, resident ${mib(rss)} MiB, ${descriptors} descriptors, ${handles} handles`,
  );
}

/** The median of each measure: how many are connected at a moment is chance. */
function middle(list) {
  const median = (key) =>
    list.map((sample) => sample[key]).sort((a, b) => a - b)[Math.floor(list.length / 2)];
  return {
    memory: median("memory"),
    rss: median("rss"),
    descriptors: median("descriptors"),
    handles: median("handles"),
  };
}

const receivers = Array.from({ length: Number(values.receivers) }, (_, lane) =>
  until((number) => receive(`${lane}-${number}`)),
);
await Promise.all([watch(), ...receivers, until(disturb), until(disturb), until(disturb)]);

const warm = samples.slice(Math.floor(samples.length * WARM_UP));
const third = Math.max(1, Math.floor(warm.length / 3));
const [before, after] = [middle(warm.slice(0, third)), middle(warm.slice(-third))];
tell("after warming up", before);
tell("at the end", after);
const allowed = { ...ALLOWED, memory: ALLOWED.memory + (ALLOWED.memoryAnHour * seconds) / 3600 };
for (const what of ["memory", "descriptors", "handles"]) {
  if (after[what] - before[what] > allowed[what])
    problem(`${what} grew from ${before[what]} to ${after[what]}`);
}
console.log([...counts].map(([what, times]) => `${what} ${times}`).join(", "));
if ((counts.get("whole") ?? 0) + (counts.get("killed") ?? 0) === 0) problem("nobody received anything");

isStopping = true;
const gone = new Promise((resolve) => publisher.once("exit", resolve));
publisher.send("stop");
const late = setTimeout(() => {
  problem("the publisher doesn't stop");
  publisher.kill("SIGKILL");
}, 10_000);
await gone;
clearTimeout(late);
for (const child of running) child.kill("SIGKILL");
rmSync(place, { recursive: true, force: true });
console.log(problems.length === 0 ? "nothing grew, nothing was wrong" : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
