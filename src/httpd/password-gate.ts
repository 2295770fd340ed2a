/** The password in front of every route. */
import { timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import type { Answers } from "./answers.tsx";
import type { Guard } from "./guard.ts";
import type { Catalog } from "./model.ts";
import type { WebContext, WebEnv } from "./web-env.ts";

const PASSWORD_WANTED = {
  missing: "A password is needed here. With curl: curl -u :PASSWORD URL",
  wrong: "That is not the password. Ask whoever gave you the link.",
} as const;

/** Lets through whoever knows the password, and what needs none. Goes before any route: what is added later is guarded, too. */
export function passwordGate(guard: Guard, catalog: Catalog, answers: Answers): MiddlewareHandler<WebEnv> {
  return async (c, next) => {
    if (needsNoPassword(c, catalog)) return next();
    const verdict = guard.check(c.req.header("authorization"), c.env.judged.client);
    if (verdict === "ok") return next();
    if (typeof verdict === "object") {
      c.header("Retry-After", String(verdict.waitSeconds));
      return answers.problem(
        c,
        429,
        "Too many wrong passwords came from your address. Wait a while and try again.",
      );
    }
    c.header("WWW-Authenticate", 'Basic realm="Boojum share", charset="UTF-8"');
    return answers.problem(c, 401, PASSWORD_WANTED[verdict]);
  };
}

/** What browsers ask for unasked, and a web seed whose path has the token: clients can't log in. */
function needsNoPassword(c: WebContext, catalog: Catalog): boolean {
  const [first, id, kind, token] = c.env.judged.target.segments;
  // The program is no secret, and who has the password may need it first.
  if (first === "boojum.tgz" || first === "favicon.svg" || first === "favicon.ico") return true;
  const expected = first === "s" && kind === "seed" && id !== undefined ? catalog.get(id)?.token : undefined;
  return expected !== undefined && token !== undefined && isSameText(token, expected);
}

/** In a time that doesn't depend on where they differ; the length is no secret. */
function isSameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
