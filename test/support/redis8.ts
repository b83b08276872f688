/** Redis 8, from Debian's unstable release (see debian.ts): most distributions have an older one. */
import { join } from "node:path";
import { debianFolder } from "./debian.js";

const SERVER = "usr/bin/redis-server";

/** The path of the server's program; a text that says what is missing. Downloads it the first time. */
export async function redis8(): Promise<{ readonly command: string } | { readonly missing: string }> {
  try {
    const folder = await debianFolder({
      name: "redis8",
      packages: ["redis-server", "redis-tools"],
      programs: [SERVER],
    });
    return { command: join(folder, SERVER) };
  } catch (error) {
    return { missing: `Redis 8 could not be had from Debian: ${(error as Error).message.slice(0, 500)}` };
  }
}
