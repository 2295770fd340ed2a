/**
 * A file over HTTP to curl, which throws it away: our `/files/` beside nginx with sendfile, over loopback; Linux, root.
 *
 * npm run bench -- http [--rounds 5] [--mib 4096]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Child, run } from "../test/support/child.ts";
import { ShareProcess } from "../test/support/command.ts";
import { scratch } from "../test/support/data.ts";
import { machine, median, option, type Row, report, usageOf } from "./support/measure.ts";
import { inTurn, noiseFile, ownFolders } from "./support/stage.ts";

const mib = option("mib", 4096);
const rounds = option("rounds", 5);
const nginxPort = 5_280;
const ourPort = 5_281;

interface Server {
  readonly name: string;
  readonly child: Child;
  readonly url: string;
}
interface Sample {
  readonly seconds: number;
  readonly cpu: number;
}

async function startOurs(payload: string, state: string): Promise<Server> {
  const flags = ["--port", String(ourPort), "--bind", "127.0.0.1", "--no-lan"];
  const child = new ShareProcess([payload, ...flags], ownFolders(state));
  const ready = await child.event("ready");
  const url = `http://127.0.0.1:${ourPort}/s/${String(ready["share"])}/files/${path.basename(payload)}`;
  return { name: "boojum", child, url };
}

async function startNginx(payload: string, state: string): Promise<Server> {
  const config = path.join(state, "nginx.conf");
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${state}/pid; error_log ${state}/errors; user root;
events { worker_connections 64; }
http {
  access_log off; sendfile on; sendfile_max_chunk 2m; tcp_nopush on;
  server { listen 127.0.0.1:${nginxPort}; root ${path.dirname(payload)}; }
}
`,
  );
  const child = new Child("nginx", ["-c", config, "-e", path.join(state, "errors")]);
  const url = `http://127.0.0.1:${nginxPort}/${path.basename(payload)}`;
  await run("curl", ["-sf", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "-I", url]);
  return { name: "nginx", child, url };
}

async function fetchOnce({ name, child, url }: Server): Promise<Sample> {
  const before = usageOf(child.process.pid).cpuSeconds;
  const told = await run("curl", ["-sf", "-o", "/dev/null", "-w", "%{time_total} %{size_download}", url]);
  const [seconds, size] = told.split(" ").map(Number);
  if (size !== mib * 2 ** 20) throw new Error(`${name} sent ${size} bytes`);
  return { seconds: seconds ?? Number.NaN, cpu: usageOf(child.process.pid).cpuSeconds - before };
}

console.log(machine());
const place = scratch("/dev/shm");
const servers: Server[] = [];
try {
  const payload = noiseFile(path.join(place.dir, "payload.bin"), mib);
  const state = path.join(place.dir, "state");
  mkdirSync(state);
  servers.push(await startOurs(payload, state), await startNginx(payload, state));
  const samples = await inTurn(servers, { rounds, warmUp: true }, async (server) => {
    const sample = await fetchOnce(server);
    console.log(`${server.name}: ${sample.seconds.toFixed(2)} s, CPU s ${sample.cpu.toFixed(2)}`);
    return sample;
  });
  const rows: Row[] = [...samples].map(([{ name, child }, values]) => {
    const seconds = median(values.map((sample) => sample.seconds));
    return {
      label: name,
      figures: {
        "median s": seconds,
        "MB/s": (mib * 1.048576) / seconds,
        "CPU s": median(values.map((sample) => sample.cpu)),
        "peak MiB": usageOf(child.process.pid).peakMiB,
      },
    };
  });
  report("http", `One file of ${mib} MiB over HTTP to curl, medians of ${rounds} rounds`, rows);
} finally {
  await Promise.all(servers.map(({ child }) => child.stop()));
  place.remove();
}
