/** Avahi, the multicast DNS of most Linux systems, in a test's network: a daemon with a bus of its own, and its tools. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Child } from "../child.ts";
import type { LanHost } from "../lan.ts";

export interface Avahi {
  /** Publishes until it is stopped. */
  publish(name: string, type: string, port: number, texts: readonly string[]): Child;
  /** Looks until there is something, for a few seconds. @returns a line a service: interface, family, name, type, host, address, port and texts, cut by `;`. */
  browse(type: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** @param dir a fresh folder. */
export async function startAvahi(host: LanHost, dir: string): Promise<Avahi> {
  mkdirSync(dir, { recursive: true });
  const [socket, bus, config] = ["bus", "bus.conf", "avahi.conf"].map((name) => path.join(dir, name));
  if (socket === undefined || bus === undefined || config === undefined) throw new Error("no paths");
  writeFileSync(bus, BUS.replace("SOCKET", socket));
  writeFileSync(config, CONFIG);
  const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${socket}` };
  const busDaemon = new Child("dbus-daemon", [`--config-file=${bus}`, "--nofork", "--print-address"]);
  await busDaemon.until(({ stdout }) => stdout.find((line) => line.startsWith("unix:")));
  mkdirSync("/run/avahi-daemon", { recursive: true });
  // Its pid file is always in the same place, where the machine's own daemon may have one.
  const command = `mount -t tmpfs tmpfs /run/avahi-daemon && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f ${config}`;
  const daemon = host.run("unshare", ["--mount", "sh", "-c", command], { env });
  await daemon.until(({ stderr }) => stderr.find((line) => line.startsWith("Server startup complete")));
  return {
    publish: (name, type, port, texts) =>
      host.run("avahi-publish", ["-s", name, type, String(port), ...texts], { env }),
    browse: async (type) => {
      let services: readonly string[] = [];
      // It stops when nothing has come for a moment, and a new share first asks whether its name is free.
      for (let tries = 0; tries < 5 && services.length === 0; tries++) {
        const browser = host.run("avahi-browse", ["-rpt", type], { env });
        await browser.succeed(20_000);
        services = browser.stdout.filter((line) => line.startsWith("=")).map((line) => line.slice(2));
      }
      return services;
    },
    stop: async () => {
      await daemon.stop();
      await busDaemon.stop();
    },
  };
}

const CONFIG = `[server]
host-name=theirs
allow-interfaces=eth0
[publish]
publish-hinfo=no
publish-workstation=no
`;

const BUS = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_type="method_call"/>
    <allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
`;
