/** Names in databases that fold unquoted identifiers to upper case, as Oracle and Snowflake do. */

/** What people write without quotes in SQL. */
const PLAIN = /^[a-z_][a-z0-9_$]*$/i;

/** The spellings under which a name of a recipe may stand in the catalog: as it is, then as the database folds it. */
export function spellings(name: string): readonly string[] {
  const folded = PLAIN.test(name) ? name.toUpperCase() : name;
  return folded === name ? [name] : [name, folded];
}

/** A name of wbsync's own, as the database would have folded it. */
export const fold = (name: string): string => (PLAIN.test(name) ? name.toUpperCase() : name);
