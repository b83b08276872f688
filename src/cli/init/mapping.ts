/** Reads fields and keys as a person writes them. Pure. */
import { UserError } from "../../errors.js";
import type { ColumnType } from "../../recipe/recipe.js";
import { suggest } from "../../recipe/suggest.js";

/** A column that `schema.sql` makes. */
export interface ColumnSpec {
  readonly column: string;
  readonly type: ColumnType;
  /** What the database calls the type, and whether NULL is forbidden, where that is known. */
  readonly sqlType?: string;
  readonly notNull?: boolean;
}

/** A hash field, and the column that it goes to. */
export interface FieldSpec extends ColumnSpec {
  readonly field: string;
  /** The mapping says the type, for the column's own is not enough. */
  readonly saysType?: boolean;
  /** Stands behind the mapping. */
  readonly remark?: string;
}

const TYPES: readonly ColumnType[] = [
  ...(["text", "integer", "decimal", "float", "boolean", "date", "time", "datetime"] as const),
  ...(["json", "uuid", "binary"] as const),
];

/** Reads "first_name=first, age=age:integer, city": field, column (the same, if left out), type (text, if left out). */
export function parseMappings(text: string): readonly FieldSpec[] {
  const fields = parts(text).map((part) => {
    const at = part.indexOf("=");
    const field = at === -1 ? parseColumn(part).column : part.slice(0, at).trim();
    const { column, type } = parseColumn(at === -1 ? part : part.slice(at + 1));
    if (field === "") throw wrong(part, "it names no field");
    return { field, column, type };
  });
  unique(fields.map(({ field }) => field));
  unique(fields.map(({ column }) => column));
  return fields;
}

/** Reads "id" or "customer_id:integer, line_no:integer". */
export function parsePrimaryKey(text: string): readonly ColumnSpec[] {
  const columns = parts(text).map(parseColumn);
  unique(columns.map(({ column }) => column));
  return columns;
}

function parts(text: string): readonly string[] {
  const found = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (found.length === 0) throw wrong(text, "it is empty");
  return found;
}

function parseColumn(text: string): ColumnSpec {
  const [column = "", type = "text", ...rest] = text.split(":").map((part) => part.trim());
  if (column === "" || rest.length > 0) throw wrong(text, "a column is written name or name:type");
  const known = TYPES.find((one) => one === type);
  if (known !== undefined) return { column, type: known };
  const meant = suggest(type, TYPES);
  throw wrong(text, `there is no type "${type}"${meant === undefined ? "" : ` (did you mean ${meant}?)`}`);
}

function unique(names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw wrong(names.join(", "), `"${twice}" is there twice`);
}

function wrong(text: string, why: string): UserError {
  return new UserError("USAGE", `"${text}" cannot be understood: ${why}.`, {
    hint: `Write field=column:type, separated by commas. The types are ${TYPES.join(", ")}.`,
  });
}
