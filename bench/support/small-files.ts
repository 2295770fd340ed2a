import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { noise } from "../../test/support/data.ts";

/** `count` files of up to `below` bytes in folders of about a hundred; 20,000 below 64 KiB are 635 MiB. */
export function smallFiles(folder: string, count: number, below = 65_536): string {
  const folders = Math.max(1, Math.round(count / 100));
  for (let i = 0; i < count; i++) {
    const dir = path.join(folder, String(i % folders));
    if (i < folders) mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, `${i}.bin`), noise((i * 7919) % below, i));
  }
  return folder;
}
