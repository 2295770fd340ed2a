// Runs a command inside a network namespace of its own (Linux, root): loopback only, with the addresses
// 10.99.0.1 to 10.99.0.30 and, with the same numbers, fd00:10:99::1 to fd00:10:99::1e on it, because Transmission, aria2
// and libtorrent ignore peers in 127/8; and 198.51.100.1, which by its number is on the internet (it is set aside for
// examples).
// Usage: node scripts/in-network.mjs COMMAND [ARGUMENT...]
import { execFileSync, spawnSync } from "node:child_process";

const name = `boojum-${process.pid}`;
const ip = (...args) => execFileSync("ip", args, { stdio: "inherit" });

ip("netns", "add", name);
let status = 1;
try {
  ip("-n", name, "link", "set", "lo", "up");
  for (let host = 1; host <= 30; host++) {
    ip("-n", name, "addr", "add", `10.99.0.${host}/24`, "dev", "lo");
    const six = `fd00:10:99::${host.toString(16)}/64`;
    // Duplicate address detection would leave it unusable for a second.
    ip("-n", name, "addr", "add", six, "dev", "lo", "nodad");
  }
  ip("-n", name, "addr", "add", "198.51.100.1/32", "dev", "lo");
  status =
    spawnSync("ip", ["netns", "exec", name, ...process.argv.slice(2)], { stdio: "inherit" }).status ?? 1;
} finally {
  ip("netns", "del", name);
}
process.exit(status);
