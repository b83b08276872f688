/** A reporter of node:test that tells one thing: what was skipped as a whole, and why. A line each. */
export default async function* skipped(source) {
  const lines = new Set();
  for await (const { type, data } of source) {
    if (type === "test:pass" && data.nesting === 0 && typeof data.skip === "string") {
      lines.add(`${data.name}: ${data.skip.replaceAll("\n", " ")}`);
    }
  }
  for (const line of lines) yield `${line}\n`;
}
