/** The fields of a hash as columns: bytes that pass unchanged, or texts of the type that a mapping demands. */
import type { Column, Kind } from "../../model.js";
import type { ColumnType } from "../../recipe/recipe.js";

/** A field holds any bytes; where a mapping demands a type, the value is written in its one canonical way. */
export function columnOf(name: string, type: ColumnType | undefined): Column {
  return { name, type: type ?? "bytes", kind: kindOf(type), nullable: true };
}

function kindOf(type: ColumnType | undefined): Kind {
  switch (type) {
    case undefined:
      return { kind: "binary" };
    case "integer":
      return { kind: "integer", min: -(10n ** 100n), max: 10n ** 100n };
    case "float":
      return { kind: "float", bits: 64, special: true };
    case "time":
      return { kind: "time", fraction: 9 };
    case "datetime":
      return { kind: "datetime", fraction: 9, zoned: false };
    default:
      return { kind: type };
  }
}
