/** Holds a recipe against the collection: names and key are as MongoDB needs them, or an error that says how to make them so. */
import type { Db } from "mongodb";
import { UserError } from "../../errors.js";
import { fieldProblem, type CollectionReference } from "./collection.js";

interface Index {
  readonly key: Readonly<Record<string, unknown>>;
  readonly unique?: boolean;
  readonly partialFilterExpression?: unknown;
  readonly collation?: { readonly locale?: string };
}

/** Throws where the mapped fields cannot be written by `$set`. */
export function verifyFields({ name, primaryKey }: CollectionReference, columns: readonly string[]): void {
  const problem = columns.includes("_id")
    ? '"_id" cannot be changed: it is the primary key, or nothing that is mapped'
    : fieldProblem([...new Set([...primaryKey, ...columns])]);
  if (problem === undefined) return;
  throw new UserError("DATABASE_MISCONFIGURED", `Collection "${name}": ${problem}`, { hint: "Correct the mapping." });
}

/** Throws where two documents could have one key. MongoDB itself sees to that for "_id". */
export async function verifyKey(db: Db, { name, primaryKey }: CollectionReference): Promise<void> {
  if (primaryKey.length === 1 && primaryKey[0] === "_id") return;
  const indexes = await indexesOf(db, name);
  if (indexes.some((index) => isKey(index, primaryKey))) return;
  const fields = primaryKey.map((field) => `${JSON.stringify(field)}: 1`).join(", ");
  throw new UserError(
    "DATABASE_MISCONFIGURED",
    `Collection "${name}" has no unique index on exactly (${primaryKey.join(", ")}): a changed document could not be told from a new one`,
    {
      hint: `Correct primaryKey in the recipe, or make the index:\ndb.getCollection(${JSON.stringify(name)}).createIndex({ ${fields} }, { unique: true })`,
    },
  );
}

function isKey({ key, unique, partialFilterExpression, collation }: Index, primaryKey: readonly string[]): boolean {
  const fields = Object.keys(key);
  const isExact = collation === undefined || collation.locale === "simple";
  const covers = fields.length === primaryKey.length && primaryKey.every((field) => fields.includes(field));
  return unique === true && partialFilterExpression === undefined && isExact && covers;
}

const NAMESPACE_NOT_FOUND = 26;

async function indexesOf(db: Db, name: string): Promise<readonly Index[]> {
  try {
    return await db.collection(name).indexes();
  } catch (error) {
    if ((error as { code?: unknown }).code === NAMESPACE_NOT_FOUND) return [];
    throw error;
  }
}
