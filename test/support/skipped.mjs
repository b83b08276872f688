/** A reporter of node:test that tells one thing: what was skipped as a whole, and why. A line each reason. */
export default async function* skipped(source) {
  const names = new Map();
  for await (const { type, data } of source) {
    if (type !== "test:pass" || data.nesting > 0 || typeof data.skip !== "string") continue;
    const reason = data.skip.trim().replaceAll("\n", " ");
    names.set(reason, [...(names.get(reason) ?? []), data.name.split(":")[0]]);
  }
  for (const [reason, of] of names) yield `${[...new Set(of)].join(", ")}: ${reason}\n`;
}
