import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/**
 * Asks on the terminal for something that nobody else should see: what is typed is not shown.
 * @returns undefined when the user gave up (Ctrl-C, Ctrl-D, or nothing but Enter).
 */
export function askSecret(question: string): Promise<string | undefined> {
  const { stdin, stderr } = process;
  stderr.write(question);
  const unseen = new Writable({ write: (_, __, done) => done() });
  const lines = createInterface({ input: stdin, output: unseen, terminal: true });
  let answer = "";
  lines.once("line", (line) => {
    answer = line;
    lines.close();
  });
  lines.once("SIGINT", () => lines.close());
  return new Promise((resolve) => {
    lines.once("close", () => {
      stderr.write("\n");
      resolve(answer === "" ? undefined : answer);
    });
  });
}
