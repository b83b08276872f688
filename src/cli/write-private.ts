/** Writes files that only their owner may read. */
import { open } from "node:fs/promises";

/** Also a file that exists is closed to others, before the text is in it; `flag` "wx" refuses one. */
export async function writePrivate(file: string, text: string, flag: "w" | "wx"): Promise<void> {
  const handle = await open(file, flag, 0o600);
  try {
    // The mode above counts for new files only.
    await handle.chmod(0o600);
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}
