/** Checks a recipe's types as the TypeScript compiler does. */
import { createRequire, isBuiltin } from "node:module";
import { existsSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type ts from "typescript";
import { UserError } from "../errors.js";
import { EXTERNAL_PACKAGES } from "./externals.js";
import { findRecipe } from "./find-recipe.js";

/** The compiler: passed along, because it is loaded only when it is needed. */
type Ts = typeof ts;

/** This package, and its own types: beside this file when it is compiled, the sources themselves otherwise. */
const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const OWN_TYPES = ["../index.d.ts", "../index.ts"]
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find(existsSync)!;

/**
 * Checks the types of a recipe and of the files that it imports, by the `tsconfig.json` that applies to it, or strictly where
 * there is none. Throws a `UserError` RECIPE_TYPES with a line `file:line:column - error TS…: …` for each error. Only what the
 * recipe can mend counts: errors inside packages, and types that are not installed here, do not.
 */
export async function typeCheck(file: string): Promise<void> {
  const problems = await typeErrors(file);
  if (problems.length === 0) return;
  throw new UserError("RECIPE_TYPES", problems.join("\n"), {
    hint: "Correct the recipe, or deploy it with --no-check.",
  });
}

/** The type errors of a recipe, each as the compiler shows it, with paths relative to the working directory. */
export async function typeErrors(file: string): Promise<readonly string[]> {
  const entry = await findRecipe(file);
  const { default: ts } = await import("typescript");
  const config = readConfig(ts, entry);
  const host = ts.createCompilerHost(config.options);
  const nodeTypes = addNodeTypes(ts, config.options, host, entry);
  resolveOurs(ts, config.options, host);
  const rootNames = [entry, ...config.declarations, ...nodeTypes.files];
  const program = ts.createProgram({ rootNames, options: config.options, host });
  const sources = program.getSourceFiles().filter((source) => isUsers(program, source));
  return sources
    .flatMap((source) => [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)])
    .filter((diagnostic) => isTheirs(ts, diagnostic, nodeTypes.found))
    .map((diagnostic) => format(ts, diagnostic));
}

interface Config {
  readonly options: ts.CompilerOptions;
  /** The project's own declarations of globals. */
  readonly declarations: readonly string[];
}

function readConfig(ts: Ts, entry: string): Config {
  const path = ts.findConfigFile(dirname(entry), (name) => ts.sys.fileExists(name));
  if (path === undefined) return { options: { ...defaults(ts), ...FORCED }, declarations: [] };
  // A fault in the configuration itself shows in the user's own editor; what could be read of it is used.
  const { config } = ts.readConfigFile(path, (name) => ts.sys.readFile(name)) as { config?: unknown };
  const parsed = ts.parseJsonConfigFileContent(config ?? {}, ts.sys, dirname(path), FORCED, path);
  const options = { ...parsed.options };
  for (const option of OUTPUT_OPTIONS) delete options[option];
  return { options, declarations: parsed.fileNames.filter((name) => name.endsWith(".d.ts")) };
}

function defaults(ts: Ts): ts.CompilerOptions {
  return {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strict: true,
    esModuleInterop: true,
    resolveJsonModule: true,
    allowImportingTsExtensions: true,
  };
}

/** Whatever the project says. */
const FORCED: ts.CompilerOptions = { noEmit: true, skipLibCheck: true, allowJs: true };

/** Options that speak of output, which there is none of, and that may contradict `noEmit`. */
const OUTPUT_OPTIONS = [
  "composite",
  "incremental",
  "tsBuildInfoFile",
  "rootDir",
  "outDir",
  "declaration",
  "declarationDir",
];

/** Node's types from the recipe's folder, or from ours; a project that lists its `types` gets those and no others. */
function addNodeTypes(
  ts: Ts,
  options: ts.CompilerOptions,
  host: ts.CompilerHost,
  entry: string,
): { readonly found: boolean; readonly files: readonly string[] } {
  if (options.types !== undefined && !options.types.includes("*")) return { found: true, files: [] };
  const { resolvedTypeReferenceDirective: theirs } = ts.resolveTypeReferenceDirective("node", entry, options, host);
  if (theirs?.resolvedFileName !== undefined) return { found: true, files: [theirs.resolvedFileName] };
  try {
    const ours = createRequire(import.meta.url).resolve("@types/node/package.json");
    return { found: true, files: [resolve(dirname(ours), "index.d.ts")] };
  } catch {
    return { found: false, files: [] };
  }
}

/**
 * What comes from the runner need not be installed beside the recipe: "wbsync" is this package then, also in this package's own
 * folder, and a database driver is the one that this package uses.
 */
function resolveOurs(ts: Ts, options: ts.CompilerOptions, host: ts.CompilerHost): void {
  const cache = ts.createModuleResolutionCache(
    host.getCurrentDirectory(),
    (name) => host.getCanonicalFileName(name),
    options,
  );
  host.resolveModuleNameLiterals = (literals, containingFile, redirected, _options, source) =>
    literals.map((literal) => {
      const mode = ts.getModeForUsageLocation(source, literal, options);
      const found = ts.resolveModuleName(literal.text, containingFile, options, host, cache, redirected, mode);
      const path = found.resolvedModule?.resolvedFileName;
      if (path === undefined && isDriver(literal.text)) {
        // Without the cache: it holds for every folder above the recipe, so also for some above this package, that nothing is there.
        return ts.resolveModuleName(literal.text, OWN_TYPES, options, host, undefined, redirected, mode);
      }
      if (literal.text !== "wbsync") return found;
      if (path !== undefined && !path.startsWith(PACKAGE)) return found;
      const extension = OWN_TYPES.endsWith(".d.ts") ? ts.Extension.Dts : ts.Extension.Ts;
      return { ...found, resolvedModule: { resolvedFileName: OWN_TYPES, extension, isExternalLibraryImport: false } };
    });
}

function isDriver(module: string): boolean {
  return EXTERNAL_PACKAGES.some((name) => module === name || module.startsWith(`${name}/`));
}

function isUsers(program: ts.Program, source: ts.SourceFile): boolean {
  if (source.isDeclarationFile || program.isSourceFileFromExternalLibrary(source)) return false;
  const path = resolve(source.fileName);
  return !path.startsWith(`${PACKAGE}src${sep}`) && !path.includes(`${sep}node_modules${sep}`);
}

const CANNOT_FIND_MODULE = 2307;
/** A package that has no types: whether that matters is the user's own compiler's business. */
const UNTYPED_MODULE = 7016;
/** "Cannot find name 'process'. Do you need to install type definitions for node?" */
const NEEDS_NODE_TYPES = [2580, 2591];

function isTheirs(ts: Ts, { code, category, messageText }: ts.Diagnostic, nodeTypes: boolean): boolean {
  if (category !== ts.DiagnosticCategory.Error || code === UNTYPED_MODULE) return false;
  if (nodeTypes) return true;
  const module = /'([^']+)'/.exec(ts.flattenDiagnosticMessageText(messageText, "\n"))?.[1] ?? "";
  return !NEEDS_NODE_TYPES.includes(code) && !(code === CANNOT_FIND_MODULE && isBuiltin(module));
}

function format(ts: Ts, { file, start, code, messageText }: ts.Diagnostic): string {
  const text = `error TS${code}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  if (file === undefined) return text;
  const { line, character } = file.getLineAndCharacterOfPosition(start ?? 0);
  return `${relative(process.cwd(), resolve(file.fileName))}:${line + 1}:${character + 1} - ${text}`;
}
