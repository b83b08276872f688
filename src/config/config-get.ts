/** `configGet`: parameters that are kept beside the recipes, read when a connection is made. Loads nothing heavy. */
import { readFile } from "node:fs/promises";
import { messageOf, UserError } from "../errors.js";
import { registerSecret } from "./secret.js";

/** Where parameters are looked up first; undefined: not set there. An error is not covered up by the fallbacks. */
export type ParameterReader = (name: string) => Promise<string | undefined>;

let installed: ParameterReader | undefined;

/** Installs the reader that `configGet` asks first, for the whole process; undefined takes it out. */
export function useParameters(reader: ParameterReader | undefined): void {
  installed = reader;
}

/**
 * A parameter's value, asked for afresh each time it is awaited, so that a changed one takes effect at the next connection
 * attempt. It is looked for among what `wbsync config set` stored, then in the environment variable of that name, then in the
 * file that `<name>_FILE` names. Awaiting it throws a `UserError` PARAMETER where it is set nowhere.
 *
 * ```ts
 * mysql({ host: "db", user: "app", password: configGet("MySqlPassword"), database: "test" });
 * ```
 */
export function configGet(name: string): PromiseLike<string> {
  return {
    // A promise would be asked once, and at load: this one asks whenever somebody waits for it.
    then: (onValue, onError) => readParameter(name).then(onValue, onError),
  };
}

/** What `configGet` does when it is awaited. */
export async function readParameter(name: string): Promise<string> {
  if (typeof name !== "string" || name === "") {
    throw new UserError("PARAMETER", "configGet expects the name of a parameter.");
  }
  const value = (await installed?.(name)) ?? fromEnvironment(name) ?? (await fromFile(name));
  if (value !== undefined) return registerSecret(value);
  throw new UserError("PARAMETER", `Parameter "${name}" is set nowhere.`, {
    hint: `Set it with "wbsync config set ${name}", as environment variable ${name}, or in a file that ${name}_FILE names.`,
  });
}

function fromEnvironment(name: string): string | undefined {
  return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
}

async function fromFile(name: string): Promise<string | undefined> {
  const variable = [`${name}_FILE`, `${name.toUpperCase()}_FILE`].find((candidate) => fromEnvironment(candidate));
  if (variable === undefined) return undefined;
  try {
    // Tools that write such files mostly end them with a newline that is not part of the secret.
    return (await readFile(process.env[variable]!, "utf8")).replace(/\r?\n$/, "");
  } catch (cause) {
    throw new UserError("PARAMETER", `Parameter "${name}": the file that ${variable} names: ${messageOf(cause)}.`, {
      hint: `Correct ${variable}, or unset it.`,
      cause,
    });
  }
}
