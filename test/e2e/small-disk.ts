/** A disk so small that it can be filled. Only root can have one. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../support/process.js";

export interface SmallDisk {
  readonly folder: string;
  /** Leaves no byte on it. */
  fill(): void;
  /** Takes that back. */
  free(): void;
  remove(): void;
}

/** Mounts a disk of so many MB; undefined where that is not allowed. */
export function smallDisk(megabytes: number): SmallDisk | undefined {
  const folder = join(tempDir("wbsync-disk"), "disk");
  const ballast = join(folder, "ballast");
  mkdirSync(folder);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "pipe" });
  } catch {
    return undefined;
  }
  chmodSync(folder, 0o777);
  return {
    folder,
    fill() {
      try {
        writeFileSync(ballast, Buffer.alloc((megabytes + 1) << 20));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    },
    free: () => rmSync(ballast),
    remove: () => execFileSync("umount", ["-l", folder]),
  };
}
