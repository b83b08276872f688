/** `wbsync init --from`: a project made of what the database and Redis already hold. */
import type { Redis } from "ioredis";
import { registerSecret } from "../../config/secret.js";
import { UserError } from "../../errors.js";
import { type FoundTable, hasCatalog, readCatalog } from "./catalog.js";
import { databaseOfUrl, parseConnection } from "./connection.js";
import { databaseOf } from "./databases.js";
import { matchTables, planFromColumns } from "./match.js";
import { makeUnique } from "./modules.js";
import type { Project, RecipePlan } from "./project.js";
import { sampleHashes } from "./sample.js";

export interface FromOptions {
  /** The database's URL, or an SQLite file. */
  readonly from: string;
  /** Only these tables. */
  readonly tables?: readonly string[];
  /** The prefix of the keys; for one table only. */
  readonly prefix?: string;
  /** The recipe's name; for one table only. */
  readonly name?: string;
  /** Asked for once the database has answered. */
  readonly redis: () => Promise<Redis>;
}

/** Reads catalog and hashes. Throws where no recipe comes out of them. */
export async function projectFrom(project: string, options: FromOptions): Promise<Project> {
  const database = databaseOfUrl(options.from);
  if (database === undefined) {
    throw new UserError("USAGE", "--from: the database cannot be told from the URL.", {
      hint: "Write mysql://…, postgres://…, mssql://…, oracle://…, snowflake://…, or the path of a file that ends in .sqlite or .db.",
    });
  }
  if (!hasCatalog(database)) {
    throw new UserError("USAGE", `--from cannot read what ${databaseOf(database).label} holds.`, {
      hint: `Say it yourself: wbsync init --template ${database} --connection … --mapping …`,
    });
  }
  const connection = parseConnection(database, options.from);
  if ("password" in connection && connection.password !== undefined) registerSecret(connection.password);
  const tables = await readCatalog(database, options.from, options.tables);
  const samples = await sampleHashes(await options.redis());
  const wanted = options.prefix === undefined ? samples : samples.filter(({ prefix }) => prefix === options.prefix);
  const matched = matchTables(tables, wanted);
  const recipes = withOwnNames(matched.length > 0 ? matched : [fromColumns(tables)]);
  return { project, database, connection, recipes: recipes.length === 1 ? [named(recipes[0]!, options)] : recipes };
}

/** No hashes speak: then a table alone has to. */
function fromColumns(tables: readonly FoundTable[]): RecipePlan {
  const plans = tables.map(planFromColumns).filter((plan) => plan !== undefined);
  if (plans.length === 1) return plans[0]!;
  if (tables.length === 0) {
    throw new UserError("NOT_FOUND", "The database has no tables.", {
      hint: "Is it the right one? Or create them first.",
    });
  }
  if (plans.length === 0) {
    throw new UserError("DATABASE_MISCONFIGURED", "No table has a primary key or a unique key without NULL.", {
      hint: `Rows could not be told apart. Add a key to one of ${tables.map(({ table }) => table).join(", ")}.`,
    });
  }
  throw new UserError("NOT_FOUND", "No hashes in Redis resemble any of the tables.", {
    hint: `Name the table with --table: ${plans.map(({ table }) => table).join(", ")}.`,
  });
}

/** Tables whose names differ in their punctuation alone give recipes of one name: a registry would keep the last of them. */
function withOwnNames(plans: readonly RecipePlan[]): readonly RecipePlan[] {
  const names = makeUnique(
    plans.map(({ name }) => name),
    "",
  );
  return plans.map((plan, at) => ({ ...plan, name: names[at]! }));
}

function named(plan: RecipePlan, { prefix, name }: FromOptions): RecipePlan {
  return { ...plan, prefix: prefix ?? plan.prefix, name: name ?? plan.name };
}
