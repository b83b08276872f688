/** JSON as objects, with every number handed on as it is written: JSON.parse would round it. Pure. */

/** What the tokens of a valid text are: strings, numbers, words, and single signs. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[[\]{}:,]/gs;

/** Text that JSON.parse takes (convert.ts has seen to that). `number` turns a number's literal into a value. */
export function parseJson(text: string, number: (literal: string) => unknown): unknown {
  const tokens = text.match(TOKEN) ?? [];
  let at = 0;
  const value = (): unknown => {
    const token = tokens[at++] ?? "";
    switch (token[0]) {
      case "{":
        return object();
      case "[":
        return list();
      case '"':
      case "t":
      case "f":
      case "n":
        return JSON.parse(token);
      default:
        return number(token);
    }
  };
  const list = (): unknown[] => {
    const items: unknown[] = [];
    while (tokens[at] !== "]") {
      items.push(value());
      if (tokens[at] === ",") at++;
    }
    at++;
    return items;
  };
  const object = (): Map<string, unknown> => {
    // A map keeps the order of names that look like numbers, and takes "__proto__" for a name.
    const fields = new Map<string, unknown>();
    while (tokens[at] !== "}") {
      const name = JSON.parse(tokens[at] as string) as string;
      at += 2;
      fields.set(name, value());
      if (tokens[at] === ",") at++;
    }
    at++;
    return fields;
  };
  return value();
}
