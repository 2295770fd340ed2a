/** Entry point of the thread that checks and writes pieces: one job after the other. */
import { parentPort } from "node:worker_threads";
import { systemFiles } from "../../platform/file-system.ts";
import { doJob, type PieceJob } from "./piece-job.ts";

// oxlint-disable-next-line unicorn/prefer-add-event-listener -- a thread's port takes a listener without an event object
parentPort?.on("message", (job: PieceJob) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
  parentPort?.postMessage(doJob(systemFiles, job));
});
