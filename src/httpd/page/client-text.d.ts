/** A script for the browser, bundled and minified: see scripts/client-text.mjs. */
declare module "*.client.ts?text" {
  export const text: string;
}
