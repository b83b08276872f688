/** How values of a column travel: as texts, which the statement converts. */
import type { Value } from "../../model.js";
import { dateTimeOf, doubleOf, singleOf, smallDateTimeOf, textOf, varcharOf, zonedOf } from "./bind.js";
import { mssqlKind, type MssqlColumn, type MssqlType } from "./types.js";

type Binding = Pick<MssqlColumn, "bind" | "convert" | "ambiguous" | "show">;

type Way = Partial<Binding> & Pick<Binding, "convert">;

const plain = (value: Value): Value => value;
const same = (name: string): string => name;
const asText = (name: string): string => `CAST(${name} AS nvarchar(60))`;
const castTo = (type: string) => (text: string) => `CAST(${text} AS ${type})`;

/** The way of a column's values to the server and back. */
export function mssqlBinding(type: MssqlType): Binding {
  const ambiguous = ["text", "other"].includes(mssqlKind(type).kind);
  return { bind: plain, show: same, ambiguous, ...(textWay(type) ?? otherWay(type)) };
}

/**
 * A text is converted by the rules of its column: other collations have other code pages, and two of them cannot be compared. Cast,
 * so that an index on the column can be used; never cut, since the length has been checked.
 */
function textWay({ name, length, collation, codePage = 1252 }: MssqlType): Way | undefined {
  const to = (type: string) => ({
    convert: (text: string) => `CAST(${text}${collation === undefined ? "" : ` COLLATE ${collation}`} AS ${type})`,
  });
  // The blanks at the end of a char(n) are no part of the key.
  const shown = ["char", "nchar"].includes(name) && { show: (column: string) => `RTRIM(${column})` };
  switch (name) {
    case "nchar":
    case "nvarchar": {
      const units = length > 0 ? length / 2 : undefined;
      return { ...shown, bind: textOf(units), ...to(`${name}(${units ?? "max"})`) };
    }
    case "char":
    case "varchar":
      return { ...shown, bind: varcharOf(name, codePage), ...to(`${name}(${length > 0 ? length : "max"})`) };
    case "text":
      return { bind: varcharOf(name, codePage), ...to("varchar(max)") };
    case "ntext":
      return to("nvarchar(max)");
    default:
      return undefined;
  }
}

function otherWay({ name, length, precision, scale }: MssqlType): Way {
  switch (name) {
    case "decimal":
    case "numeric":
      return { show: asText, convert: castTo(`${name}(${precision},${scale})`) };
    case "money":
    case "smallmoney":
      // As a text they have two digits behind the point.
      return { show: (column) => asText(castTo("decimal(19,4)")(column)), convert: castTo(name) };
    case "float":
      return { bind: doubleOf, convert: castTo("float(53)") };
    case "real":
      return { bind: singleOf, convert: castTo("real") };
    case "binary":
    case "varbinary":
    case "image": {
      const size = length > 0 && name !== "image" ? length : "max";
      return { convert: (text) => `CONVERT(varbinary(${size}), ${text}, 2)` };
    }
    case "time":
    case "datetime2":
      return { show: asText, convert: castTo(`${name}(${scale})`) };
    case "datetimeoffset":
      return { bind: zonedOf, show: asText, convert: castTo(`${name}(${scale})`) };
    case "datetime":
      return { bind: dateTimeOf, show: (column) => asText(castTo("datetime2(3)")(column)), convert: castTo(name) };
    case "smalldatetime":
      return { bind: smallDateTimeOf, show: (column) => asText(castTo("datetime2(0)")(column)), convert: castTo(name) };
    case "uniqueidentifier":
      return { show: (column) => `LOWER(${asText(column)})`, convert: castTo(name) };
    case "bit":
    case "date":
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
      return { show: asText, convert: castTo(name) };
    case "json":
      return { convert: castTo(name) };
    default:
      return { convert: same };
  }
}
