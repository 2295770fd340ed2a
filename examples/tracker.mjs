// Runs a tracker for the torrents of a folder, and tells who announces.
// Usage: node examples/tracker.mjs FOLDER [PORT]
import { runTracker } from "boojum";

const [allow, port = "0"] = process.argv.slice(2);

const tracker = await runTracker({
  allow,
  port: Number(port),
  bind: ["127.0.0.1"],
  onEvent: (event) => {
    if (event.event === "peer") console.log(`${event.state}: ${event.client} at ${event.address}`);
  },
});
console.log(`at ${tracker.urls[0]}`);
process.once("SIGINT", () => tracker.close());
