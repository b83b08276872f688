/** Reads the cells of a catalog query, whatever type the driver chose for them. */

/** NULL is "". */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  return Buffer.isBuffer(value) ? value.toString() : `${value as number}`;
}

/** NULL is undefined. */
export function numberOf(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

/** Truth as databases spell it. */
export function flagOf(value: unknown): boolean {
  return /^(1|t|true|yes|y)$/i.test(textOf(value));
}
