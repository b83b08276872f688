/** Writes a new project from the templates. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf, UserError } from "../../errors.js";
import { databaseOf } from "./databases.js";
import { type ModuleName, moduleNames } from "./modules.js";
import { passwordOf, type Project, projectValues, type RecipePlan, type Versions } from "./project.js";
import { fillTemplate, type Values } from "./template.js";
import { writePrivate } from "../write-private.js";

const PACKAGE = fileURLToPath(new URL("../../../", import.meta.url));
/** npm leaves files of these names out of a package: they are stored without the dot. */
const DOT_FILES = new Set(["gitignore", "env.example"]);

export interface WriteOptions {
  readonly force: boolean;
  /** For the project's .env, which is written where the database's password is known. */
  readonly redisUrl: string;
}

/** Writes the files, and returns their names. Throws a `UserError` USAGE where one exists, and writes nothing then, or where one cannot be written. */
export async function writeProject(dir: string, project: Project, options: WriteOptions): Promise<readonly string[]> {
  const files = await renderProject(project, options.redisUrl);
  const present = files.map(({ name }) => name).filter((name) => existsSync(join(dir, name)));
  if (present.length > 0 && !options.force) {
    throw new UserError("USAGE", `${dir} already holds ${present.join(", ")}.`, {
      hint: "Choose another folder, or overwrite with --force.",
    });
  }
  try {
    await makeFolder(dir);
    for (const { name, text, isPrivate } of files) {
      await (isPrivate ? writePrivate(join(dir, name), text, "w") : writeFile(join(dir, name), text, { mode: 0o644 }));
    }
  } catch (cause) {
    throw new UserError("USAGE", `${dir} cannot be written: ${messageOf(cause)}.`, {
      hint: "Name another folder.",
      cause,
    });
  }
  return files.map(({ name }) => name);
}

/** With the folders that it is in, one by one: where one refuses with ENOENT, as /proc does, Node's own way tries for ever. */
async function makeFolder(dir: string): Promise<void> {
  if (existsSync(dir)) return;
  await makeFolder(dirname(dir));
  await mkdir(dir);
}

interface File {
  readonly name: string;
  readonly text: string;
  readonly isPrivate?: boolean;
}

async function renderProject(project: Project, redisUrl: string): Promise<readonly File[]> {
  const known = versions();
  const valuesOf = (recipe: RecipePlan): Values => projectValues(project, recipe, known);
  const modules = moduleNames(project.recipes);
  const [first, ...more] = project.recipes.map((recipe, at) => ({ module: modules[at]!, values: valuesOf(recipe) }));
  const files: File[] = [];
  for (const folder of ["common", project.database]) {
    const templates = join(PACKAGE, "templates", folder);
    for (const file of (await readdir(templates)).sort()) {
      const template = await readFile(join(templates, file), "utf8");
      const fill = ({ values }: { values: Values }): string => fillTemplate(file, template, values);
      if (file === "recipe.ts" && more.length > 0) {
        files.push(...[first!, ...more].map((one) => fileOf(`${one.module.file}.ts`, fill(one))));
        files.push(fileOf(file, index(modules)));
      } else if (file === "package.json") files.push(fileOf(file, withDriver(fill(first!), project)));
      else if (file === "schema.sql") files.push(fileOf(file, [first!, ...more].map(fill).join("\n")));
      else files.push(fileOf(DOT_FILES.has(file) ? `.${file}` : file, fill(first!)));
    }
  }
  return [...files, ...environment(project, redisUrl)];
}

function fileOf(name: string, text: string): File {
  return { name, text };
}

/** Several recipes have a file each, and are deployed as one. */
function index(modules: readonly ModuleName[]): string {
  const lines = modules.map(({ file, identifier }) => {
    return `export { default as ${identifier} } from ${JSON.stringify(`./${file}.js`)};\n`;
  });
  return lines.join("");
}

/** A password that was given goes where git does not see it. */
function environment({ database, connection }: Project, redisUrl: string): readonly File[] {
  const password = passwordOf(connection);
  if (password === undefined) return [];
  const { passwordName } = databaseOf(database);
  const text = `REDIS_URL=${quoted(redisUrl)}\n${passwordName}=${quoted(password)}\n`;
  return [{ name: ".env", text, isPrivate: true }];
}

/** As Node's --env-file reads it: it knows three quotes and no escapes. */
function quoted(value: string): string {
  if (/^[\w./:@%+=-]*$/.test(value)) return value;
  const quote = ["'", '"', "`"].find((one) => !value.includes(one));
  if (quote !== undefined && !/[\r\n]/.test(value)) return `${quote}${value}${quote}`;
  throw new UserError("USAGE", "The password holds all three kinds of quotes, which no .env file can express.", {
    hint: 'Leave it out of the connection, and store it with "wbsync config set".',
  });
}

/** Drivers that do not come with wbsync are the project's own. */
function withDriver(text: string, { database }: Project): string {
  const { driver } = databaseOf(database);
  if (driver === undefined) return text;
  const manifest = JSON.parse(text) as { dependencies: Record<string, string> };
  const range = ownManifest().peerDependencies[driver]!;
  return `${JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, [driver]: range } }, null, 2)}\n`;
}

/** Where wbsync was not installed by npm, the project uses this very copy. */
function versions(): Versions {
  const manifest = ownManifest();
  const isInstalled = dirname(PACKAGE).endsWith("node_modules");
  return {
    wbsync: isInstalled ? `^${manifest.version}` : `file:${PACKAGE.replace(/[/\\]$/, "")}`,
    typescript: manifest.dependencies.typescript,
    nodeTypes: manifest.devDependencies["@types/node"],
  };
}

function ownManifest() {
  return createRequire(import.meta.url)("../../../package.json") as {
    readonly version: string;
    readonly dependencies: { readonly typescript: string };
    readonly devDependencies: { readonly "@types/node": string };
    readonly peerDependencies: Readonly<Record<string, string>>;
  };
}
