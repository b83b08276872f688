/** What a connection option may be. The same rule reads it when a recipe is loaded and when a connection is made. Pure. */

/** How one option is read. */
export interface OptionRule<T = unknown> {
  /** What is allowed, for messages: "a whole number from 1 to 65535". */
  readonly expected: string;
  /** Messages say what kind of value it is, and never which. */
  readonly isSecret?: true;
  /** The value as the connector uses it; undefined: it is not allowed. May throw where there is more to say. */
  read(given: unknown): T | undefined;
}

/** Rules by the names of their options. */
export type OptionRules = Readonly<Record<string, OptionRule>>;

/** What was read by rules; what was not given is undefined. */
export type OptionValues<R extends OptionRules> = {
  readonly [N in keyof R]?: (R[N] extends OptionRule<infer T> ? T : never) | undefined;
};

export const text: OptionRule<string> = {
  expected: "a text",
  read: (given) => (typeof given === "string" ? given : undefined),
};

/** A text that nobody may see. */
export const secret: OptionRule<string> = { ...text, isSecret: true };

/** May hold a password. */
export const url: OptionRule<string> = { ...secret, expected: "a URL" };

/** Also as a text, which is how environment variables have it. */
export const wholeNumber = (min: number, max = 2 ** 31 - 1): OptionRule<number> => ({
  expected: `a whole number from ${min} to ${max}`,
  read(given) {
    const number = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
    if (typeof number !== "number" || !Number.isInteger(number)) return undefined;
    return number >= min && number <= max ? number : undefined;
  },
});

export const port = wholeNumber(1, 65_535);

/** A time that something may take. */
export const milliseconds = wholeNumber(1);

/** Also as a text, which is how environment variables and URLs have it. */
export const flag: OptionRule<boolean> = {
  expected: "true or false",
  read(given) {
    if (typeof given === "boolean") return given;
    if (typeof given !== "string" || !/^(true|1|false|0)$/i.test(given)) return undefined;
    return /^(true|1)$/i.test(given);
  },
};

/** One of these words, in whatever case. */
export const oneOf = <T extends string>(allowed: readonly T[]): OptionRule<T> => ({
  expected: `one of ${allowed.join(", ")}`,
  read: (given) => (typeof given === "string" ? allowed.find((one) => one === given.toUpperCase()) : undefined),
});
