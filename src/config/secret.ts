/** Knows every secret value that this process has read, and takes it out of whatever is shown. */

const SHOWN = "[secret]";
/** Values this short are replaced only where they stand alone: "app" must not tear "application" apart. */
const SHORT = 6;
/** Rotated passwords add up in a process that runs for months: the oldest are forgotten. */
const MAX_SECRETS = 1_000;
/** The password in any URL, known or not; but not the word "password", which our own advice puts there. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@"']*:)(?!password@)[^\s/@"']+@/gi;

const known = new Set<string>();
let pattern: RegExp | undefined;

/** Makes `redact` hide this value from now on, as it is and as it looks in a URL or in JSON. Returns it. */
export function registerSecret(value: string): string {
  if (value === "" || known.has(value)) return value;
  known.add(value);
  const [oldest] = known;
  if (known.size > MAX_SECRETS && oldest !== undefined) known.delete(oldest);
  pattern = undefined;
  return value;
}

/** The text with every known secret value, and the password of every URL, replaced by `[secret]`. */
export function redact(text: string): string {
  pattern ??= buildPattern(known);
  return text.replace(pattern, SHOWN).replace(URL_PASSWORD, `$1${SHOWN}@`);
}

/** Forgets every value: for tests. */
export function forgetSecrets(): void {
  known.clear();
  pattern = undefined;
}

function buildPattern(values: Iterable<string>): RegExp {
  const forms = [...new Set([...values].flatMap(formsOf))].sort((a, b) => b.length - a.length);
  return forms.length === 0 ? /(?!)/g : new RegExp(forms.map(escape).join("|"), "g");
}

/** How a value may look in a message: as it is, quoted as JSON, and encoded in the ways that URLs are. */
function formsOf(value: string): readonly string[] {
  const forms = [value, JSON.stringify(value).slice(1, -1)];
  try {
    const encoded = encodeURIComponent(value);
    const url = new URL("x://u@h");
    url.password = value;
    forms.push(encoded, encoded.replaceAll("%20", "+"), url.password);
    forms.push(encoded.replace(/%../g, (hex) => hex.toLowerCase()));
  } catch {
    // A lone surrogate cannot be part of a URL.
  }
  return forms;
}

function escape(form: string): string {
  const literal = form.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  return form.length < SHORT ? `(?<![A-Za-z0-9_])${literal}(?![A-Za-z0-9_])` : literal;
}

/** For `JSON.stringify`: redacts the texts whose names are chosen, and leaves the others alone. */
export const redacting = (isChosen: (name: string) => boolean) => (name: string, value: unknown) =>
  typeof value === "string" && isChosen(name) ? redact(value) : value;
