/** What a connection URL says behind its "?", as lines of a recipe that mean the same. Pure. */
import { UserError } from "../../errors.js";
import { parseUrl, SERVER_PARAMETERS } from "../../connectors/sql/server-options.js";

/** Makes a line of the option `name` and the text that the URL has for it. */
export type Line = (name: string, text: string) => string | readonly string[];

/** The parameters that connectors of servers understand, read by their own code. */
export function serverLines(url: URL): readonly string[] {
  const given = url.searchParams;
  const foreign = [...given.keys()].find((name) => !SERVER_PARAMETERS.includes(name));
  if (foreign !== undefined) throw inexpressible(foreign);
  if (url.hostname !== "" && given.has("host")) throw wrong("host", "names a second server");
  const scheme = url.protocol.slice(0, -1);
  const { ssl, socketPath } = parseUrl({ kind: scheme, schemes: [scheme], port: 0 }, url.href);
  return [
    ...(socketPath === undefined ? [] : [`${text("socketPath", socketPath as string)} // instead of host and port`]),
    ...tlsLines("tls", url.protocol === "rediss:" ? ssl || true : ssl),
    ...["connectTimeoutMs", "statementTimeoutMs"].flatMap((name) =>
      given.has(name) ? [whole(name, given.get(name)!)] : [],
    ),
  ];
}

/** The parameters that a database names in its own way. */
export function namedLines({ searchParams }: URL, known: Readonly<Record<string, Line>>): readonly string[] {
  return [...new Map(searchParams)].flatMap(([name, value]) => {
    const line = Object.hasOwn(known, name) ? known[name] : undefined;
    if (line === undefined) throw inexpressible(name);
    return line(name, value);
  });
}

/** A text. */
export const text = (name: string, value: string): string => `${name}: ${JSON.stringify(value)},`;

/** A whole number. */
export const whole = (name: string, value: string): string => {
  if (/^[1-9]\d{0,9}$/.test(value) && Number(value) < 2 ** 31) return `${name}: ${value},`;
  throw wrong(name, "is no whole number from 1 to 2147483647");
};

/** true or false. */
export const flag = (name: string, value: string): string => {
  if (/^(true|1|false|0)$/i.test(value)) return `${name}: ${/^(true|1)$/i.test(value)},`;
  throw wrong(name, "is neither true nor false");
};

/** What a template says by itself. */
export const elsewhere: Line = () => [];

/** TLS, where the parameter says whether and how. */
export const tls: Line = (name, value) =>
  tlsLines(name, value === "no-verify" ? { rejectUnauthorized: false } : value !== "false" && value !== "0");

/** Both timeouts, which every connector has. */
export const timeouts = { connectTimeoutMs: whole, statementTimeoutMs: whole };

function tlsLines(name: string, said: unknown): readonly string[] {
  if (said === undefined) return [];
  if (typeof said === "boolean") return [`${name}: ${said},`];
  return ["// Encrypts, but does not check who the server is.", `${name}: { rejectUnauthorized: false },`];
}

function inexpressible(name: string): UserError {
  return new UserError(
    "USAGE",
    `The connection has the parameter "${name}", which cannot be written into the recipe.`,
    {
      hint: "Leave it out of the URL, and see in docs/connectors.md what the connector has for it.",
    },
  );
}

function wrong(name: string, why: string): UserError {
  return new UserError("USAGE", `The connection's parameter "${name}" ${why}.`, { hint: "Correct it in the URL." });
}
