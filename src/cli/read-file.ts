/** Files that a person names on the command line. */
import { readFile } from "node:fs/promises";
import { messageOf, UserError } from "../errors.js";

/** A file's text; a `UserError` USAGE with the hint where it cannot be read. */
export async function readUserFile(path: string, hint: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new UserError("USAGE", `${path} cannot be read: ${messageOf(cause)}.`, { hint, cause });
  }
}
