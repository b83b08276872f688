/** Connection URLs. None is ever shown: it may hold a password. */
import { refuse, type Refuser } from "./option-refusal.js";

/** What differs between databases. */
export interface UrlForm extends Refuser {
  readonly schemes: readonly string[];
  /** What may stand behind the "?"; anything else would be ignored without a word, and is refused. */
  readonly parameters: readonly string[];
  /** The options that a URL stands for, by their names; nothing, or "", where it does not say one. */
  readonly parts: (url: URL) => Readonly<Record<string, unknown>>;
}

const UNREADABLE = "the URL cannot be read; special characters in a password are written as %xx";

/** The options that this URL stands for. */
export function readUrl(form: UrlForm, text: string): Readonly<Record<string, unknown>> {
  if (!URL.canParse(text)) refuse(form, UNREADABLE);
  const url = new URL(text);
  if (!form.schemes.includes(url.protocol.slice(0, -1))) {
    refuse(form, `expected a URL that begins with ${form.schemes.join(":// or ")}://, got ${url.protocol}//`);
  }
  checkParameters(form, url);
  try {
    return Object.fromEntries(
      Object.entries(form.parts(url)).filter(([, value]) => value !== "" && value !== undefined && value !== null),
    );
  } catch (error) {
    // A "%" that is no escape.
    if (error instanceof URIError) refuse(form, UNREADABLE);
    throw error;
  }
}

function checkParameters(form: UrlForm, { search, searchParams }: URL): void {
  const { parameters } = form;
  const unknown = [...searchParams.keys()].find((name) => !parameters.includes(name));
  if (unknown === undefined) return;
  // A password with a bare "?" in it ends up here: what follows is no parameter, and must not be shown.
  if (search.includes("@") || !/^[\w.-]+$/.test(unknown)) refuse(form, UNREADABLE);
  refuse(
    form,
    `the URL has an unknown parameter "${unknown}"`,
    `Leave it out. Parameters are ${parameters.join(", ")}.`,
  );
}

/** The form of a URL whose parameters are options by their own names; they win over its other parts. */
export function namedUrl(
  form: Omit<UrlForm, "parameters"> & { readonly rules: object },
): (text: string) => Readonly<Record<string, unknown>> {
  const parameters = Object.keys(form.rules).filter((name) => name !== "url");
  const parts = (url: URL) => ({ ...form.parts(url), ...Object.fromEntries(url.searchParams) });
  return (text) => readUrl({ ...form, parameters, parts }, text);
}
