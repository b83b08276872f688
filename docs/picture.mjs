/**
 * Draws docs/demo.svg: plays `npm run demo`, and turns what it printed into a picture. `node docs/picture.mjs`. Nothing in the picture is
 * written by hand: where the demo fails, none is drawn.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FONT = 14;
const LINE = 19;
const CHARACTER = 8.43;
const MARGIN = 20;
const WIDTH = 100;

/** SGR codes of chalk's, as attributes of a tspan. */
const ON = {
  1: ["font-weight", "bold"],
  2: ["fill-opacity", "0.6"],
  4: ["text-decoration", "underline"],
  31: ["fill", "#ff7b72"],
  32: ["fill", "#7ee787"],
  33: ["fill", "#e3b341"],
  36: ["fill", "#79c0ff"],
};
const OFF = { 22: ["font-weight", "fill-opacity"], 24: ["text-decoration"], 39: ["fill"] };

/** One line of terminal output as tspans. */
function draw(line) {
  const style = new Map();
  let result = "";
  // eslint-disable-next-line no-control-regex
  for (const part of line.split(/(\u001b\[\d+m)/)) {
    // eslint-disable-next-line no-control-regex
    const code = /^\u001b\[(\d+)m$/.exec(part)?.[1];
    if (code === undefined) result += part && `<tspan${attributes(style)}>${escape(part)}</tspan>`;
    else if (ON[code]) style.set(...ON[code]);
    else for (const name of OFF[code] ?? []) style.delete(name);
  }
  return result;
}

const attributes = (style) => [...style].map(([name, value]) => ` ${name}="${value}"`).join("");
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function svg(lines) {
  const width = Math.ceil(2 * MARGIN + WIDTH * CHARACTER);
  const height = 2 * MARGIN + lines.length * LINE;
  const texts = lines.map((line, at) => `<text x="${MARGIN}" y="${MARGIN + FONT + at * LINE}">${draw(line)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Output of npm run demo">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT}" fill="#e6edf3" xml:space="preserve">
${texts.join("\n")}
</g>
</svg>
`;
}

const { stdout, stderr, status } = spawnSync(process.execPath, ["bin/demo"], {
  cwd: ROOT,
  env: { ...process.env, FORCE_COLOR: "1", NO_COLOR: "" },
  encoding: "utf8",
});
if (status !== 0) throw new Error(`the demo failed:\n${stdout}${stderr}`);
const day = new Date().toISOString().slice(0, 10);
const lines = ["\u001b[2m$\u001b[22m npm run demo", ...stdout.trimEnd().split("\n")];
const source = `\u001b[2m  Node ${process.versions.node}, ${cpus().length} cores, ${day}\u001b[22m`;
writeFileSync(new URL("demo.svg", import.meta.url), svg([...lines, source]));
