declare const BOOJUM_VERSION: string | undefined;

/** The package's version; the build puts it in. */
export const version: string = typeof BOOJUM_VERSION === "string" ? BOOJUM_VERSION : "0.0.0-dev";

/** What web servers and trackers are told that we are. */
export const userAgent: string = `Boojum/${version}`;
