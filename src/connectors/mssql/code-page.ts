/** Which characters a VARCHAR column can hold: SQL Server silently writes "?" for the others. */

/** Code pages of one byte a character, by their names in the Encoding standard. */
const SINGLE_BYTE = new Set([874, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258]);
/** Western Europe, spelled out: Node 20 takes it for Latin-1, which has other characters here. */
const CP1252 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";
const UTF8 = 65001;

const known = new Map<number, ReadonlySet<string>>();

/** Whether every character of the text is in the code page. Of the page that is not known ASCII is. */
export function fitsCodePage(codePage: number, text: string): boolean {
  // eslint-disable-next-line no-control-regex
  if (codePage === UTF8 || /^[\x00-\x7f]*$/.test(text)) return true;
  const characters = charactersOf(codePage);
  for (const character of text) if (character > "\x7f" && !characters.has(character)) return false;
  return true;
}

function charactersOf(codePage: number): ReadonlySet<string> {
  const found = known.get(codePage);
  if (found) return found;
  const text = textOf(codePage);
  // Bytes that stand for nothing are read as control characters: not to be relied on.
  const characters = new Set([...text].filter((character) => character > "\x9f" && character !== "\ufffd"));
  known.set(codePage, characters);
  return characters;
}

/** Every character above ASCII, in the order of its byte. */
function textOf(codePage: number): string {
  if (codePage === 1252) return CP1252 + String.fromCharCode(...Array.from({ length: 96 }, (_, i) => i + 160));
  const bytes = Uint8Array.from({ length: 128 }, (_, i) => i + 128);
  return SINGLE_BYTE.has(codePage) ? new TextDecoder(`windows-${codePage}`).decode(bytes) : "";
}
