// Publishes a folder for a while, with an upload limit that changes, and tells who takes it.
// Usage: node examples/publish.mjs FOLDER [SECONDS]
import { publish } from "boojum";

const [folder = ".", seconds = "60"] = process.argv.slice(2);

const publication = await publish([folder], {
  bind: ["127.0.0.1"],
  limitUp: 5_000_000,
  expireSeconds: Number(seconds),
  onEvent: (event) => {
    if (event.event === "listening") console.log(`at ${event.shares[0].url}`);
    if (event.event === "peer") console.log(`${event.state}: ${event.address}`);
    if (event.event === "warning") console.warn(event.message);
  },
});
await publication.ready;
publication.setLimits({});
process.once("SIGINT", () => publication.close());
await publication.closed;
for (const transfer of publication.transfers()) {
  console.log(`${transfer.name}: ${transfer.stats().completed} complete`);
}
