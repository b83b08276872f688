/** What each option of a recipe may be. Pure: a rule takes a value and says what it expected instead. */
import valid from "semver/functions/valid.js";
import type { Connector } from "../connectors/connector.js";
import type { DeletePolicy, Transform } from "./recipe.js";

/** What one option may be. `problem` says what is allowed where the value is not; `fallback` is what its absence means. */
export interface Rule<T> {
  readonly fallback?: { readonly value: T };
  problem(value: unknown): string | undefined;
}

/** A whole number within limits. */
export function integer(min: number, max: number, fallback: number): Rule<number> {
  return {
    fallback: { value: fallback },
    problem: (value) =>
      Number.isInteger(value) && (value as number) >= min && (value as number) <= max
        ? undefined
        : `must be an integer from ${min} to ${max}`,
  };
}

/** One of a few words; the first is the default. */
export function oneOf<T extends string>(...allowed: readonly [T, ...T[]]): Rule<T> {
  return {
    fallback: { value: allowed[0] },
    problem: (value) =>
      allowed.includes(value as T) ? undefined : `must be ${allowed.map((word) => `"${word}"`).join(" or ")}`,
  };
}

/** "delete" or "keep". */
export function deletePolicy(fallback: DeletePolicy): Rule<DeletePolicy> {
  return { ...oneOf<DeletePolicy>("delete", "keep"), fallback: { value: fallback } };
}

const MAX_NAME = 128;

/** Names end up in Redis keys, in a column of the checkpoint table, and on command lines. */
export const nameRule: Rule<string> = {
  problem(value) {
    if (typeof value !== "string" || value === "") return "must be a text that is not empty";
    if (value.length > MAX_NAME) return `must have at most ${MAX_NAME} characters`;
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u001f\u007f]/.test(value)) return "must not contain control characters";
    if (value.trim() !== value) return "must not begin or end with a space";
    if (value.startsWith("-") || value === "*") return 'must not be "*" or begin with "-"';
    return undefined;
  },
};

export const versionRule: Rule<string> = {
  problem: (value) =>
    typeof value === "string" && /^\d\S*$/.test(value) && valid(value) !== null
      ? undefined
      : 'must be a semantic version like "1.0.0"',
};

/** A prefix is literal: what people bring along from patterns would silently match nothing. */
export const prefixRule: Rule<string> = {
  problem(value) {
    if (typeof value !== "string" || value === "") return "must be a text that is not empty";
    if (value.endsWith("*")) return `is not a pattern: write "${value.replace(/:?\*+$/, "")}" for keys like that`;
    if (value.endsWith(":")) return `must not end with a colon, which is added: write "${value.replace(/:+$/, "")}"`;
    if (value === "wbsync" || value.startsWith("wbsync:")) return "must not be wbsync's own";
    return undefined;
  },
};

export const throughPrefixRule: Rule<string> = {
  problem: (value) =>
    typeof value === "string" && /[{}]/.test(value)
      ? 'must not contain braces, which enclose the key that is written through: write "__" for __{person:1}'
      : prefixRule.problem(value),
};

export const transformRule: Rule<Transform | undefined> = {
  fallback: { value: undefined },
  problem(value) {
    if (typeof value !== "function") return "must be a function (record, key) => record or null";
    return Object.prototype.toString.call(value) === "[object AsyncFunction]"
      ? "must be a synchronous function: it runs between reading and writing a batch"
      : undefined;
  },
};

/** Infinity takes the breaker out. */
export const maxDeletesRule: Rule<number> = {
  fallback: { value: 10_000 },
  problem: (value) =>
    value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0)
      ? undefined
      : "must be an integer, 0 or more, or Infinity",
};

const TABLE = 'must be a table: mysql(…).table("persons", { primaryKey: "id" })';

export const connectorRule: Rule<Connector> = {
  problem(value) {
    if (typeof value !== "object" || value === null) return TABLE;
    const { kind, table, primaryKey, sink } = value as Record<string, unknown>;
    if (typeof table === "function")
      return 'must be a table, not a database: add .table("persons", { primaryKey: "id" })';
    const isTable = typeof kind === "string" && typeof table === "string" && typeof sink === "function";
    const isKey =
      Array.isArray(primaryKey) && primaryKey.length > 0 && primaryKey.every((column) => typeof column === "string");
    return isTable && isKey ? undefined : TABLE;
  },
};
