/** The web server's front door. */
import type { RequestListener } from "node:http";
import type { Catalog } from "./model.ts";

export interface WebOptions {
  readonly catalog: Catalog;
  /** `--public-url`: goes into answers to requests that came through it. No slash at the end. */
  readonly publicUrl?: string | undefined;
  readonly version: string;
}

/** Everything people and programs fetch, but for `/announce` and `/scrape`. */
export declare function createWeb(options: WebOptions): RequestListener;
