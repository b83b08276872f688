/** Makes one CommonJS text of a recipe and the npm packages that it imports. */
import { basename, dirname, join, relative } from "node:path";
import type { BuildFailure, BuildOptions, Message } from "esbuild";
import { messageOf, UserError } from "../errors.js";
import { EXTERNAL_PACKAGES, MODULE_URL } from "./externals.js";
import { findRecipe } from "./find-recipe.js";
import { sha256 } from "./sha256.js";

/** A recipe as it is registered. */
export interface Bundle {
  readonly code: string;
  /** SHA-256 of the code, lower-case hex. */
  readonly sha256: string;
}

export interface BundleOptions {
  /** Adds an inline source map, so that errors name the recipe's own lines. Default: true. */
  readonly sourceMap?: boolean;
}

/**
 * Bundles a recipe. The same sources give the same bytes in any folder and from any working directory. Also returns what
 * esbuild warns of. Throws a `UserError` BUNDLE with `file:line:column` for everything that does not compile.
 */
export async function bundleRecipe(
  file: string,
  options: BundleOptions = {},
): Promise<Bundle & { readonly warnings: readonly string[] }> {
  const entry = await findRecipe(file);
  const { build } = await import("esbuild");
  try {
    const result = await build(buildOptions(entry, options.sourceMap ?? true));
    const code = result.outputFiles![0]!.text;
    return {
      code,
      sha256: sha256(code),
      warnings: result.warnings.map((warning) => format(warning, "warning", entry)),
    };
  } catch (error) {
    throw explain(error, entry);
  }
}

/** Every path in the output is relative to the recipe's folder: that makes it the same everywhere. */
function buildOptions(entry: string, sourceMap: boolean): BuildOptions {
  const folder = dirname(entry);
  return {
    absWorkingDir: folder,
    entryPoints: [`./${basename(entry)}`],
    outfile: join(folder, "recipe.cjs"),
    write: false,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    charset: "utf8",
    external: ["wbsync", ...EXTERNAL_PACKAGES],
    define: { "import.meta.url": MODULE_URL },
    loader: { ".sql": "text", ".txt": "text" },
    // The loader has a require, and no import().
    supported: { "dynamic-import": false },
    sourcemap: sourceMap ? "inline" : false,
    sourcesContent: false,
    logLevel: "silent",
  };
}

function explain(error: unknown, entry: string): UserError {
  const errors = (error as Partial<BuildFailure> | null)?.errors;
  if (!Array.isArray(errors) || errors.length === 0) {
    return new UserError("BUNDLE", `The recipe cannot be bundled: ${messageOf(error)}.`, { cause: error });
  }
  const unresolved = errors.some(({ text }: Message) => text.startsWith("Could not resolve"));
  return new UserError("BUNDLE", errors.map((message: Message) => format(message, "error", entry)).join("\n"), {
    hint: unresolved
      ? "Install what is missing with npm beside the recipe."
      : "Correct the recipe and deploy it again.",
    cause: error,
  });
}

function format({ text, location }: Message, severity: "error" | "warning", entry: string): string {
  const readable = text.startsWith("Top-level await")
    ? "A recipe cannot use await at its top level. Await inside a connection option instead: password: async () => …"
    : text;
  const file = location === null ? entry : join(dirname(entry), location.file);
  const shown = relative(process.cwd(), file) || file;
  const place = location === null ? shown : `${shown}:${location.line}:${location.column + 1}`;
  return `${place} - ${severity}: ${readable}`;
}
