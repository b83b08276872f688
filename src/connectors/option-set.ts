/** The options of one connector: checked when the recipe is loaded, and resolved with their URL at every connection attempt. */
import { registerSecret } from "../config/secret.js";
import { resolveOption, type Option } from "./connector.js";
import { refuse, showGiven, unknownOptions, type Refuser } from "./option-refusal.js";
import type { OptionRules, OptionValues } from "./option-rules.js";

/** What differs between connectors. */
export interface OptionSet<R extends OptionRules = OptionRules> extends Refuser {
  readonly rules: R;
  /** The option that a text stands for where it is given instead of options; so does a function that returns one. */
  readonly alone: string;
  /** What the option `url` stands for, by the names of the options, which win over it. Throws without showing the URL. */
  readonly partsOf?: (url: string) => Readonly<Record<string, unknown>>;
}

/** Checks the names of the options, and the values that are known already. The others are checked when they are resolved. */
export function checkOptions<T extends object>(set: OptionSet, given: T | Option<string>): T {
  const options: unknown = typeof given === "string" || isDeferred(given) ? { [set.alone]: given } : given;
  if (typeof options !== "object" || options === null) {
    const { expected } = set.rules[set.alone]!;
    return refuse(set, `expected options or ${expected}, got ${showGiven(given, { isSecret: true })}`);
  }
  const names = Object.keys(set.rules);
  const unknown = unknownOptions(options, names);
  if (unknown !== undefined) refuse(set, unknown.what, `${unknown.meant}Options are ${names.join(", ")}.`);
  readOptions(set, Object.fromEntries(Object.entries(options).filter(([, value]) => !isDeferred(value))));
  return options as T;
}

/** Asks for every option's value now. */
export async function resolveOptions<R extends OptionRules>(
  set: OptionSet<R>,
  options: object,
): Promise<OptionValues<R>> {
  const given: Record<string, unknown> = {};
  for (const name of Object.keys(set.rules)) {
    const option = (options as Readonly<Record<string, Option<unknown>>>)[name];
    given[name] = await resolveOption(option, `the option "${name}" of ${set.kind}`);
  }
  return readOptions(set, given);
}

/** Makes `redact` hide the values of secret options; not the URL's, whose password is an option of its own. */
export function registerSecrets<R extends OptionRules>(set: OptionSet<R>, values: OptionValues<R>): void {
  for (const [name, { isSecret }] of Object.entries(set.rules)) {
    const value: unknown = values[name];
    if (isSecret && name !== "url" && typeof value === "string") registerSecret(value);
  }
}

/** Whether the value is known only when somebody asks for it. */
export function isDeferred(option: unknown): option is PromiseLike<unknown> | (() => unknown) {
  if (typeof option === "function") return true;
  return typeof option === "object" && option !== null && "then" in option && typeof option.then === "function";
}

/** The one check of values, at both moments: of those that are there. */
function readOptions<R extends OptionRules>(
  set: OptionSet<R>,
  given: Readonly<Record<string, unknown>>,
): OptionValues<R> {
  const own = readEach(set, given);
  const url: unknown = own.url;
  const parts = set.partsOf && typeof url === "string" ? readEach(set, set.partsOf(url)) : {};
  return { ...parts, ...own };
}

/** undefined and null mean that an option is not given: so a variable that is not set. */
function readEach<R extends OptionRules>(
  set: OptionSet<R>,
  values: Readonly<Record<string, unknown>>,
): OptionValues<R> {
  const read: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(values)) {
    if (given === undefined || given === null) continue;
    const rule = set.rules[name]!;
    read[name] = rule.read(given) ?? refuse(set, `${name}: expected ${rule.expected}, got ${showGiven(given, rule)}`);
  }
  return read as OptionValues<R>;
}
