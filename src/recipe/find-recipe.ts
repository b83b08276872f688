/** Finds the file that a user named. */
import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { UserError } from "../errors.js";

/** The real path of a recipe. Throws a `UserError` USAGE where there is no such file. */
export async function findRecipe(file: string): Promise<string> {
  const hint = "Give the path of a .ts or .js file.";
  try {
    const path = await realpath(resolve(file));
    if ((await stat(path)).isFile()) return path;
  } catch (cause) {
    throw new UserError("USAGE", `There is no recipe ${file}.`, { hint, cause });
  }
  throw new UserError("USAGE", `${file} is not a file.`, { hint });
}
