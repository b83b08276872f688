/**
 * Rows as one JSON text, for databases that take a text apart faster than many parameters. Every value is a JSON string (bytes in
 * hex) or null, so that no number passes through a float on its way.
 */
import type { Row, Value } from "../../model.js";

/**
 * The rows as arrays of arrays: the key's values and the others, where nothing else is said. A new text wherever one becomes too
 * long; a single row is never split.
 */
export function* jsonRows(
  rows: readonly Row[],
  maxChars: number,
  cellsOf: (row: Row) => readonly Value[] = plainCells,
): Generator<string> {
  let parts: string[] = [];
  let chars = 0;
  for (const row of rows) {
    const text = JSON.stringify(cellsOf(row).map(asText));
    if (parts.length > 0 && chars + text.length > maxChars) {
      yield `[${parts.join(",")}]`;
      parts = [];
      chars = 0;
    }
    parts.push(text);
    chars += text.length + 1;
  }
  if (parts.length > 0) yield `[${parts.join(",")}]`;
}

/** A value as the text that the statement converts. */
export const asText = (value: Value): string | null => (Buffer.isBuffer(value) ? value.toString("hex") : value);

const plainCells = ({ id, values }: Row): readonly Value[] => [...id, ...values];
