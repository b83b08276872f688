/** Fills placeholders in a template. Templates are valid TypeScript, JSON, SQL as they stand. Pure. */

/** What placeholders stand for: a text, or lines. */
export type Values = Readonly<Record<string, string | readonly string[]>>;

const PLACEHOLDER = /^([ \t]*)(?:\/\/|--) \{\{(\w+)\}\}\n|"\{\{json:(\w+)\}\}"|\{\{(\w+)\}\}/gm;

/**
 * Replaces a comment line that holds nothing but `{{name}}` by the value's lines, `"{{json:name}}"` by the value as a literal, and
 * `{{name}}` anywhere else by the text: in .ts and .json files as a string literal needs it. One pass: what a value contains is
 * not a placeholder again.
 */
export function fillTemplate(file: string, template: string, values: Values): string {
  const isCode = /\.(ts|json)$/.test(file);
  const valueOf = (name: string): string | readonly string[] => {
    const value = values[name];
    if (value === undefined) throw new Error(`the template ${file} asks for {{${name}}}, which init does not know`);
    return value;
  };
  type Name = string | undefined;
  return template.replace(PLACEHOLDER, (_, indent: string, lines: Name, json: Name, text: Name) => {
    if (lines !== undefined)
      return linesOf(valueOf(lines))
        .map((line) => `${indent}${line}\n`)
        .join("");
    if (json !== undefined) return literal(valueOf(json));
    const plain = String(valueOf(text!));
    return isCode ? JSON.stringify(plain).slice(1, -1) : plain;
  });
}

function linesOf(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}

function literal(value: string | readonly string[]): string {
  return typeof value === "string" ? JSON.stringify(value) : `[${value.map((one) => JSON.stringify(one)).join(", ")}]`;
}
