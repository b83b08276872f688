/** Normalises a recipe's mappings: the shorthand `"column"` and the long form become one list. Pure. */
import { showValue } from "./show-value.js";
import { suggest } from "./suggest.js";
import type { ColumnType, Mapping } from "./recipe.js";

/** Every type that a mapping may demand. */
export const COLUMN_TYPES: readonly ColumnType[] = [
  "integer",
  "decimal",
  "float",
  "boolean",
  "text",
  "binary",
  "date",
  "time",
  "datetime",
  "json",
  "uuid",
];

const KEYS = ["column", "type", "default"];
const FORM = 'must be an object like { first_name: "first" }';

/** Reports every problem through `report` and returns what could be understood. */
export function readMappings(
  given: unknown,
  primaryKey: readonly string[],
  report: (problem: string) => void,
): readonly Mapping[] {
  if (!isPlainObject(given)) {
    report(`option "mappings" ${FORM}, got ${showValue(given)}`);
    return [];
  }
  const mappings = Object.entries(given).flatMap(([field, value]) => readMapping(field, value, report) ?? []);
  if (Object.keys(given).length === 0) report('option "mappings" must name at least one field, got {}');
  reportColumns(mappings, primaryKey, report);
  return mappings;
}

function readMapping(field: string, value: unknown, report: (problem: string) => void): Mapping | undefined {
  const option = `option "mappings", field ${JSON.stringify(field)}`;
  if (field === "#") {
    report(`${option} is not a value: it says what to do with a write, and never reaches a column`);
    return undefined;
  }
  if (typeof value === "string" && value !== "") return { field, column: value };
  if (!isPlainObject(value)) {
    report(`${option} must be a column's name or { column, type?, default? }, got ${showValue(value)}`);
    return undefined;
  }
  let valid = true;
  const refuse = (problem: string): void => {
    valid = false;
    report(`${option}${problem.startsWith(":") ? "" : " "}${problem}`);
  };
  for (const key of Object.keys(value)) {
    if (KEYS.includes(key)) continue;
    const meant = suggest(key, KEYS);
    refuse(`has an unknown key "${key}"${meant === undefined ? "" : `: did you mean "${meant}"?`}`);
  }
  const { column, type, default: fallback } = value;
  if (typeof column !== "string" || column === "")
    refuse(`must have a column's name as "column", got ${showValue(column)}`);
  if (type !== undefined && !COLUMN_TYPES.includes(type as ColumnType)) {
    refuse(`: "type" must be one of ${COLUMN_TYPES.join(", ")}, got ${showValue(type)}`);
  }
  if (fallback !== undefined && !isDefault(fallback)) {
    refuse(
      `: "default" must be a text, finite number, bigint, boolean, valid Date, Uint8Array or null, got ${showValue(fallback)}`,
    );
  }
  if (!valid) return undefined;
  return {
    field,
    column: column as string,
    ...(type !== undefined && { type: type as ColumnType }),
    ...(fallback !== undefined && { default: fallback as NonNullable<Mapping["default"]> | null }),
  };
}

function reportColumns(
  mappings: readonly Mapping[],
  primaryKey: readonly string[],
  report: (problem: string) => void,
): void {
  const fieldOf = new Map<string, string>();
  for (const { field, column } of mappings) {
    const other = fieldOf.get(column);
    if (other !== undefined) {
      report(`option "mappings": the fields "${other}" and "${field}" are both mapped to column "${column}"`);
    }
    if (primaryKey.includes(column)) {
      report(
        `option "mappings": field "${field}" is mapped to "${column}", which is in the primary key and comes from the key's id`,
      );
    }
    fieldOf.set(column, field);
  }
}

function isDefault(value: unknown): boolean {
  switch (typeof value) {
    case "string":
    case "bigint":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    default:
      if (value === null || value instanceof Uint8Array) return true;
      return value instanceof Date && !Number.isNaN(value.getTime());
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map);
}
