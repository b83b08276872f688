/** The ids of all rows, page by page, as they stand in the names of keys. */
import { WbsyncError } from "../../errors.js";
import type { Bytes } from "../../model.js";
import { quote } from "./cql.js";
import type { Session } from "./session.js";
import type { Target } from "./verify.js";

/** Reads a table's keys from the first to the last, in the order of the cluster's tokens. */
export class KeyReader {
  readonly #session: Session;
  readonly #target: Target;
  /** Where the next page begins; undefined: after the last one. */
  #state: string | undefined;
  #last: readonly Bytes[] | undefined;

  constructor(session: Session, target: Target) {
    this.#session = session;
    this.#target = target;
  }

  /** The page after this id: the one that the page before ended with, or undefined for the first. */
  async page(after: readonly Bytes[] | undefined, count: number): Promise<readonly (readonly Bytes[])[]> {
    if (after !== undefined && after.join("\u0000") !== this.#last?.join("\u0000")) {
      throw new WbsyncError("DATABASE_UNREACHABLE", "The list of keys was interrupted: it has to begin anew");
    }
    if (after !== undefined && this.#state === undefined) return [];
    const { key, table } = this.#target;
    const cql = `SELECT ${key.map(({ name }) => quote(name)).join(", ")} FROM ${table}`;
    let state = after === undefined ? undefined : this.#state;
    for (;;) {
      const { rows, next } = await this.#session.page(cql, count, state);
      this.#state = state = next;
      const ids = rows.map((row) => key.map(({ name }) => keyPart(row[name])));
      this.#last = ids.at(-1);
      // A page may be empty because of deleted rows, with more behind it.
      if (ids.length > 0 || next === undefined) return ids;
    }
  }
}

/** A value of the driver's in canonical text, as bytes. */
export function keyPart(value: unknown): Bytes {
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  if (typeof value === "boolean") return value ? "1" : "0";
  if (value instanceof Date) return trimFraction(value.toISOString().replace("T", " ").slice(0, -1));
  if (typeof value === "string") return Buffer.from(value).toString("latin1");
  const text = `${value as number}`;
  // A number that is an object is a decimal, an integer, a date, a time, a uuid or an address: each knows its text.
  return /^-?\d+\.\d+$/.test(text) && typeof value === "object" ? trimFraction(text) : text;
}

const trimFraction = (text: string): string => text.replace(/\.?0+$/, "");
