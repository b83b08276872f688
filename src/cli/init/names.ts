/** How names of keys, tables, fields and columns resemble one another. Pure. */

/** "order_lines" → "OrderLinesWriteBehind". */
export function recipeName(table: string): string {
  return `${words(table)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("")}WriteBehind`;
}

/** "firstName", "first_name", "FIRST-NAME" → ["first", "name"]. */
export function words(name: string): readonly string[] {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2");
  return spaced
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "")
    .map((word) => word.toLowerCase());
}

/** Whether two names differ only in how words are joined, and in case. */
export function isSameName(a: string, b: string): boolean {
  return words(a).join("") === words(b).join("");
}

/** "persons" → "person", "categories" → "category", "boxes" → "box". */
export function singular(name: string): string {
  if (/[^aeiou]ies$/i.test(name)) return `${name.slice(0, -3)}y`;
  if (/(s|x|z|ch|sh)es$/i.test(name)) return name.slice(0, -2);
  return /[^s]s$/i.test(name) ? name.slice(0, -1) : name;
}

/** 1: a key prefix names a table ("person", "persons"); 0.5: it is the end of its name ("app_person"); 0: neither. */
export function tableResemblance(prefix: string, table: string): number {
  const [key, row] = [prefix, table].map((name) => words(name).map(singular));
  if (key!.join("") === row!.join("")) return 1;
  const [long, short] = key!.length > row!.length ? [key!, row!] : [row!, key!];
  return short.length > 0 && long.slice(-short.length).join("") === short.join("") ? 0.5 : 0;
}

/** Whether all words of one name are among those of the other: "first_name" and "first". */
export function isPartOf(a: string, b: string): boolean {
  const [long, short] = words(a).length > words(b).length ? [words(a), words(b)] : [words(b), words(a)];
  return short.length > 0 && short.every((word) => long.includes(word));
}
