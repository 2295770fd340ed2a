import { expect, it } from "vitest";
import { userFolders } from "../../../src/share/user-folders.ts";

const linux = { platform: "linux", env: {}, home: "/home/ann" } as const;

it("uses the usual folders of a Linux home", () => {
  expect(userFolders("boojum", linux)).toEqual({
    cache: "/home/ann/.cache/boojum",
    config: "/home/ann/.config/boojum",
  });
});

it("goes where XDG_CACHE_HOME and XDG_CONFIG_HOME say, unless that depends on where one stands", () => {
  const env = { XDG_CACHE_HOME: "/var/cache", XDG_CONFIG_HOME: "conf" };
  expect(userFolders("boojum", { ...linux, env })).toEqual({
    cache: "/var/cache/boojum",
    config: "/home/ann/.config/boojum",
  });
});

it("knows the folders of macOS and Windows", () => {
  expect(userFolders("boojum", { platform: "darwin", env: {}, home: "/Users/ann" })).toEqual({
    cache: "/Users/ann/Library/Caches/boojum",
    config: "/Users/ann/Library/Preferences/boojum",
  });
  const env = { LOCALAPPDATA: "/c/local", APPDATA: "" };
  expect(userFolders("boojum", { platform: "win32", env, home: "/c/ann" })).toEqual({
    cache: "/c/local/boojum/Cache",
    config: "/c/ann/AppData/Roaming/boojum/Config",
  });
});
