/** Reads a database's address as a person writes it. Pure. */
import { UserError } from "../../errors.js";
import { DATABASE_NAMES, type Database, databaseOf, type DatabaseName } from "./databases.js";
import type { Values } from "./template.js";

/** Where a database is. */
export type Connection =
  | { readonly file: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string | undefined;
      readonly database: string;
      /** What else the URL says. */
      readonly extra: Values;
    };

/** Reads "mysql://user:password@host:port/database", or the path of a file where the database is one. */
export function parseConnection(name: DatabaseName, text: string): Connection {
  const database = databaseOf(name);
  if (database.port === undefined) return { file: fileOf(text) };
  const url = parseUrl(text, database);
  if (!database.schemes.includes(url.protocol.slice(0, -1))) throw wrong(database, `it starts with "${url.protocol}"`);
  if (![url.username, url.password, url.hostname, url.pathname].every(isDecodable)) {
    throw wrong(database, 'a "%" in it is not followed by two hex digits (write %25 for the sign itself)');
  }
  const schema = decodeURIComponent(url.pathname.slice(1));
  if (schema === "") throw wrong(database, "it names no database");
  return {
    // An IPv6 address has brackets in a URL, and nowhere else.
    host: decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, "$1")) || url.searchParams.get("host") || "127.0.0.1",
    port: url.port === "" ? database.port : Number(url.port),
    user: decodeURIComponent(url.username) || (database.user ?? "root"),
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
    database: schema,
    extra: database.extra?.(url) ?? {},
  };
}

/** Which database a connection URL speaks of; undefined where it does not say. */
export function databaseOfUrl(url: string): DatabaseName | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  const byScheme = DATABASE_NAMES.find((name) => databaseOf(name).schemes.includes(scheme ?? ""));
  return byScheme ?? (/\.(sqlite3?|db)$/.test(url) ? "sqlite" : undefined);
}

function fileOf(text: string): string {
  const file = text.replace(/^(sqlite|file):(\/\/)?/, "");
  if (file === "") throw new UserError("USAGE", "The SQLite file has no name.", { hint: "Write a path: data.sqlite" });
  return file;
}

function parseUrl(text: string, database: Database): URL {
  try {
    return new URL(text);
  } catch {
    // The cause repeats the URL, which may hold a password.
    throw wrong(database, "it is no URL");
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function wrong(database: Database, why: string): UserError {
  return new UserError("USAGE", `The connection to ${database.label} cannot be understood: ${why}.`, {
    hint: `Write it like ${database.exampleUrl}.`,
  });
}
