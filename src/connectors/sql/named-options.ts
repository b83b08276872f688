/** Connection options that each database names in its own way: checked when the recipe is loaded, resolved at every attempt. */
import { registerSecret } from "../../config/secret.js";
import { UserError } from "../../errors.js";
import { resolveOption, type Option } from "../connector.js";

/** What differs between databases. */
export interface NamedOptions {
  readonly kind: string;
  readonly names: readonly string[];
  /** Of these, the ones that nobody may see. */
  readonly secrets: readonly string[];
  readonly schemes: readonly string[];
  /** The options that a URL stands for; "" is left out. */
  readonly fromUrl: (url: URL) => Readonly<Record<string, unknown>>;
  /** The hint: how to write them. */
  readonly example: string;
}

/** Checks the names: a misspelt one would be ignored for ever. A text, or a function that returns one, is a URL. */
export function checkNames<T extends { readonly url?: Option<string> }>(
  spec: NamedOptions,
  given: T | Option<string>,
): T | { readonly url: Option<string> } {
  if (typeof given === "string") urlParts(spec, given);
  if (typeof given === "string" || typeof given === "function" || isThenable(given)) return { url: given };
  if (typeof given !== "object" || given === null) refuse(spec, `expected options or a URL, got ${typeof given}`);
  const unknown = Object.keys(given).filter((name) => !spec.names.includes(name));
  if (unknown.length > 0) {
    refuse(spec, `unknown option "${unknown.join('", "')}"`, `Options are ${spec.names.join(", ")}.`);
  }
  return given;
}

/** Asks for every option's value now. What the URL says is overridden by the others. */
export async function resolveNames(spec: NamedOptions, options: object): Promise<Resolved> {
  const given: Record<string, unknown> = {};
  for (const name of spec.names) {
    const option = (options as Record<string, Option<string> | undefined>)[name];
    const value: unknown = option === undefined ? undefined : await resolveOption(option);
    if (value !== undefined && value !== null) given[name] = value;
  }
  const merged = { ...(given.url === undefined ? {} : urlParts(spec, given.url)), ...given };
  for (const name of spec.secrets) {
    const value = (merged as Record<string, unknown>)[name];
    if (typeof value === "string") registerSecret(value);
  }
  return new Resolved(spec, merged);
}

/** Options whose values are known, and checked as they are taken. */
export class Resolved {
  readonly #spec: NamedOptions;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(spec: NamedOptions, values: Readonly<Record<string, unknown>>) {
    this.#spec = spec;
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    if (value === undefined || typeof value === "string") return value;
    return refuse(this.#spec, `${name}: expected a text, got ${typeof value}`);
  }

  needed(name: string): string {
    return this.text(name) ?? refuse(this.#spec, `${name} is missing`);
  }

  number(name: string, fallback: number, max = 2 ** 31 - 1): number {
    const given = this.#values[name] ?? fallback;
    const number = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
    if (typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= max) return number;
    return refuse(this.#spec, `${name}: expected a whole number from 1 to ${max}`);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#values[name] ?? fallback;
    if (typeof value === "boolean") return value;
    if (typeof value === "string" && /^(true|1|false|0)$/i.test(value)) return /^(true|1)$/i.test(value);
    return refuse(this.#spec, `${name}: expected true or false`);
  }

  refuse(what: string, hint?: string): never {
    return refuse(this.#spec, what, hint);
  }
}

/** Never shows the URL: it may hold a password. */
function urlParts(spec: NamedOptions, url: unknown): Readonly<Record<string, unknown>> {
  if (typeof url !== "string") return refuse(spec, `url: expected a text, got ${typeof url}`);
  if (!URL.canParse(url)) {
    return refuse(spec, "the URL cannot be read; special characters in a password are written as %xx");
  }
  const parsed = new URL(url);
  if (!spec.schemes.includes(parsed.protocol.slice(0, -1))) {
    refuse(spec, `expected a URL that begins with ${spec.schemes.join(":// or ")}://, got ${parsed.protocol}//`);
  }
  const query: Record<string, unknown> = {};
  for (const [name, value] of parsed.searchParams) {
    if (name !== "url" && spec.names.includes(name)) query[name] = value;
    else refuse(spec, `the URL has an unknown option "${name}"`, `Options are ${spec.names.join(", ")}.`);
  }
  const parts = { ...spec.fromUrl(parsed), ...query };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== "" && value !== undefined));
}

function refuse(spec: NamedOptions, what: string, hint = spec.example): never {
  throw new UserError("RECIPE_INVALID", `${spec.kind}: ${what}`, { hint });
}

const isThenable = (value: unknown): value is PromiseLike<string> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
