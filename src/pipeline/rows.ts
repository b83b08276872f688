/** From what is known of a key to a row: the id from the key, values from fields, converted exactly or refused (invariant 6). */
import type { Entry, Known } from "../buffer/entry.js";
import { RefusedValueError, UserError } from "../errors.js";
import type { Batch, Bytes, Column, Row, Upserts, Value } from "../model.js";
import { type Converter, converterFor } from "../recipe/convert.js";
import type { Mapping } from "../recipe/recipe.js";

/** One entry on its way to the table. */
export type Item = {
  readonly entry: Entry;
  readonly row: Row;
} & (
  | { readonly kind: "upsert"; /** Which columns the row sets. */ readonly columns: readonly string[] }
  | { readonly kind: "delete" }
);

export interface RowMakerOptions {
  /** The part of a key that is the row's id; undefined: the key has none. */
  readonly idOf: (key: Bytes) => Bytes | undefined;
  readonly primaryKey: readonly string[];
  readonly mappings: readonly Mapping[];
  /** As the catalog describes them. */
  readonly columns: readonly Column[];
}

interface Target {
  readonly mapping: Mapping;
  readonly converter: Converter;
  /** What the column gets when the hash lacks the field. */
  readonly absent: Value;
}

/** Makes rows for one recipe and one table. */
export class RowMaker {
  readonly #idOf: RowMakerOptions["idOf"];
  readonly #ids: readonly Converter[];
  readonly #primaryKey: readonly string[];
  readonly #targets: readonly Target[];
  /** Whether keys turn into ids one to one: a uuid has several spellings. */
  readonly areDistinct: boolean;
  /** By the set of columns that a row lacks: partial rows are rare, but they come in the same shapes. */
  readonly #columnSets = new Map<string, readonly string[]>();
  readonly #allColumns: readonly string[];

  constructor(options: RowMakerOptions) {
    const column = (name: string) => {
      const found = options.columns.find((candidate) => candidate.name === name);
      if (!found) throw new UserError("DATABASE_MISCONFIGURED", `expected a column "${name}", found none`);
      return found;
    };
    this.#idOf = options.idOf;
    this.#primaryKey = options.primaryKey;
    this.#ids = options.primaryKey.map((name) => converterFor(column(name), { isKey: true }));
    this.areDistinct = options.primaryKey.every((name) => column(name).kind.kind !== "uuid");
    this.#targets = options.mappings.map((mapping) => {
      const converter = converterFor(column(mapping.column), mapping.type ? { type: mapping.type } : {});
      return { mapping, converter, absent: absentValue(mapping, converter) };
    });
    this.#allColumns = this.#targets.map(({ mapping }) => mapping.column);
  }

  /** The row of a hash of which these fields are known; columns whose field is not known are left alone. */
  upsert(entry: Entry, values: readonly Known[], offset: number): Item {
    const id = this.#id(entry.key);
    const targets = this.#targets;
    // On the hot path: an array of the right size from the start.
    const converted = new Array<Value>(targets.length);
    let lacks: number[] | undefined;
    let i = 0;
    try {
      for (; i < targets.length; i++) {
        const value = values[i];
        if (value === undefined) (lacks ??= []).push(i);
        else converted[i] = value === null ? targets[i]!.absent : targets[i]!.converter.fromBytes(value);
      }
    } catch (error) {
      throw addPlace(error, describe(targets[i] as Target));
    }
    if (!lacks) return { kind: "upsert", entry, columns: this.#allColumns, row: { id, values: converted, offset } };
    const known = converted.filter((_, place) => !lacks.includes(place));
    return { kind: "upsert", entry, columns: this.#without(lacks), row: { id, values: known, offset } };
  }

  /** The row of what a transform returned. */
  upsertRecord(entry: Entry, record: Readonly<Record<string, unknown>>, offset: number): Item {
    const id = this.#id(entry.key);
    const values = this.#targets.map((target) => {
      const value = record[target.mapping.field];
      if (value === undefined || value === null) return target.absent;
      try {
        return target.converter.fromUnknown(value);
      } catch (error) {
        throw addPlace(error, describe(target));
      }
    });
    return { kind: "upsert", entry, columns: this.#allColumns, row: { id, values, offset } };
  }

  delete(entry: Entry, offset: number): Item {
    return { kind: "delete", entry, row: { id: this.#id(entry.key), values: [], offset } };
  }

  /** For a composite key the id's parts between colons. */
  #id(key: Bytes): Value[] {
    const text = this.#idOf(key);
    if (text === undefined) throw new RefusedValueError("the key has no id: there is no colon in it");
    if (this.#ids.length === 1) return [this.#idPart(text, 0)];
    const parts = text.split(":");
    if (parts.length !== this.#ids.length) {
      throw new RefusedValueError(
        `the key's id has ${parts.length} parts between colons, the primary key (${this.#primaryKey.join(", ")}) has ${this.#ids.length}`,
        { hint: `Name keys …:${this.#primaryKey.map((name) => `<${name}>`).join(":")}.` },
      );
    }
    return parts.map((part, i) => this.#idPart(part, i));
  }

  #idPart(part: Bytes, i: number): Value {
    try {
      return (this.#ids[i] as Converter).fromBytes(part);
    } catch (error) {
      throw addPlace(error, `primary key "${this.#primaryKey[i]}"`);
    }
  }

  #without(lacks: readonly number[]): readonly string[] {
    const name = lacks.join();
    let columns = this.#columnSets.get(name);
    if (!columns) {
      columns = this.#allColumns.filter((_, i) => !lacks.includes(i));
      this.#columnSets.set(name, columns);
    }
    return columns;
  }
}

/** One batch of these items; `distinct` where no two of them can have one id. */
export function batchOf(items: readonly Item[], distinct = false): Batch {
  const deletes: Row[] = [];
  const groups = new Map<readonly string[], Row[]>();
  for (const item of items) {
    if (item.kind === "delete") {
      deletes.push(item.row);
      continue;
    }
    const rows = groups.get(item.columns);
    if (rows) rows.push(item.row);
    else groups.set(item.columns, [item.row]);
  }
  const upserts: Upserts[] = [];
  for (const [columns, rows] of groups) upserts.push({ columns, rows });
  return { upserts, deletes, distinct };
}

function absentValue(mapping: Mapping, converter: Converter): Value {
  try {
    return converter.fromUnknown(mapping.default ?? null);
  } catch (error) {
    if (!(error instanceof RefusedValueError)) throw error;
    // It is the recipe that is wrong, and no row.
    throw new UserError("RECIPE_INVALID", `the default of ${describe({ mapping })}: ${error.message}`, {
      hint: "Correct the default in the recipe's mappings, and deploy it again.",
      cause: error,
    });
  }
}

function describe({ mapping }: Pick<Target, "mapping">): string {
  return `field "${mapping.field}", column "${mapping.column}"`;
}

function addPlace(error: unknown, place: string): unknown {
  if (!(error instanceof RefusedValueError)) return error;
  return new RefusedValueError(`${place}: ${error.message}`, { cause: error, ...(error.hint && { hint: error.hint }) });
}
