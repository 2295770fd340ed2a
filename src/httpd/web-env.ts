/** What the front door adds to a request, and what a route may give back. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "hono";
import type { Judged } from "./request.ts";

export interface WebEnv {
  readonly Bindings: {
    readonly incoming: IncomingMessage;
    readonly outgoing: ServerResponse;
    readonly judged: Judged;
  };
}

export type WebContext = Context<WebEnv>;
export type Answer = Response | Promise<Response>;
