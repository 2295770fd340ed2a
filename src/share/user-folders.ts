/** Where a program keeps what is its user's: each system has its own rule. */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

export interface UserFolders {
  /** What may be lost. */
  readonly cache: string;
  /** What the user wrote. */
  readonly config: string;
}

/** What the folders follow from. */
export interface UserPlace {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/**
 * The folders of a program called `name`. On Linux and the like as the XDG Base Directory Specification says, by which
 * a path that is not absolute doesn't count.
 */
export function userFolders(name: string, place: UserPlace = thisPlace()): UserFolders {
  const { platform, env, home } = place;
  const named = (key: string, ...otherwise: string[]) => {
    const value = env[key];
    return value !== undefined && isAbsolute(value) ? value : join(home, ...otherwise);
  };
  if (platform === "darwin") {
    const library = join(home, "Library");
    return { cache: join(library, "Caches", name), config: join(library, "Preferences", name) };
  }
  if (platform === "win32") {
    return {
      cache: join(named("LOCALAPPDATA", "AppData", "Local"), name, "Cache"),
      config: join(named("APPDATA", "AppData", "Roaming"), name, "Config"),
    };
  }
  return {
    cache: join(named("XDG_CACHE_HOME", ".cache"), name),
    config: join(named("XDG_CONFIG_HOME", ".config"), name),
  };
}

function thisPlace(): UserPlace {
  return { platform: process.platform, env: process.env, home: homeOrRoot() };
}

/** A service's user may be in no list of users, nor have a `HOME` that is a path; shells take `/` for it then. */
function homeOrRoot(): string {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : "/";
  } catch {
    return "/";
  }
}
