/** Gets the answers for a new project: from flags, from a person, from defaults. */
import { UserError } from "../../errors.js";
import { nameRule, prefixRule, type Rule } from "../../recipe/rules.js";
import { canPrompt, promptModule } from "../prompt.js";
import { parseConnection } from "./connection.js";
import { recipeName } from "./names.js";
import { DATABASE_NAMES, databaseOf, type DatabaseName } from "./databases.js";
import { parseMappings, parsePrimaryKey } from "./mapping.js";
import type { Project } from "./project.js";

/** What the flags said. */
export interface InitFlags {
  readonly template?: DatabaseName;
  readonly connection?: string;
  readonly prefix?: string;
  readonly table?: string;
  readonly primaryKey?: string;
  readonly mapping?: string;
  readonly name?: string;
  readonly yes?: boolean;
}

type Texts = Required<Omit<InitFlags, "yes">>;

interface Question {
  readonly name: keyof Texts;
  readonly message: string;
  /** The flag that answers it. */
  readonly flag: string;
  readonly choices?: readonly { readonly name: string; readonly value: string }[];
  fallback(known: Partial<Texts>): string;
  /** Throws where the answer cannot be used. */
  check?(answer: string, known: Partial<Texts>): unknown;
}

const QUESTIONS: readonly Question[] = [
  {
    name: "template",
    message: "Which database?",
    flag: "--template",
    choices: DATABASE_NAMES.map((value) => ({ name: databaseOf(value).label, value })),
    fallback: () => "mysql",
  },
  {
    name: "connection",
    message: "Where is it?",
    flag: "--connection",
    fallback: ({ template = "mysql" }) => databaseOf(template).exampleUrl,
    check: (answer, { template = "mysql" }) => parseConnection(template, answer),
  },
  {
    name: "prefix",
    message: "Which keys? The prefix before the first colon:",
    flag: "--prefix",
    fallback: () => "person",
    check: (answer) => obey(prefixRule, answer),
  },
  {
    name: "table",
    message: "Which table?",
    flag: "--table",
    fallback: ({ prefix = "" }) => `${prefix}s`,
    check: notEmpty,
  },
  {
    name: "primaryKey",
    message: "Its primary key (column or column:type, several with commas):",
    flag: "--primary-key",
    fallback: ({ template = "mysql" }) => databaseOf(template).key ?? "id",
    check: parsePrimaryKey,
  },
  {
    name: "mapping",
    message: "Which fields go to which columns (field=column:type, …)?",
    flag: "--mapping",
    fallback: () => "first_name=first, last_name=last, age=age:integer",
    check: parseMappings,
  },
  {
    name: "name",
    message: "What is the recipe called?",
    flag: "--name",
    fallback: ({ table = "" }) => recipeName(table),
    check: (answer) => obey(nameRule, answer),
  },
];

/**
 * All answers. Who names the database, or says --yes, is asked nothing: what no flag says takes its default. Throws a `UserError`
 * USAGE where there are questions and nobody is there to ask.
 */
export async function askForAnswers(project: string, flags: InitFlags): Promise<Project> {
  const texts: Partial<Texts> = {};
  const asksNothing = flags.yes === true || flags.template !== undefined;
  if (!asksNothing && !canPrompt()) throw nobodyToAsk(flags);
  for (const question of QUESTIONS) {
    const given = flags[question.name] ?? (asksNothing ? question.fallback(texts) : await ask(question, texts));
    question.check?.(given, texts);
    Object.assign(texts, { [question.name]: given });
  }
  return projectOf(project, texts as Texts);
}

function nobodyToAsk(flags: InitFlags): UserError {
  const open = QUESTIONS.filter(({ name }) => name !== "template" && flags[name] === undefined);
  const rest = open.length === 0 ? "" : ` ${open.map(({ flag }) => flag).join(", ")} have defaults.`;
  return new UserError("USAGE", "wbsync init has questions, and there is no terminal to ask them on.", {
    hint: `Name the database with --template, or say --yes for ${databaseOf("mysql").label}.${rest}`,
  });
}

function projectOf(project: string, { name, prefix, table, ...texts }: Texts): Project {
  const primaryKey = parsePrimaryKey(texts.primaryKey);
  return {
    project,
    database: texts.template,
    connection: parseConnection(texts.template, texts.connection),
    recipes: [{ name, prefix, table, primaryKey, fields: parseMappings(texts.mapping) }],
  };
}

async function ask(question: Question, known: Partial<Texts>): Promise<string> {
  const { message, choices } = question;
  const prompt = await promptModule();
  const fallback = question.fallback(known);
  const answers = await prompt<{ answer: string }>([
    choices === undefined
      ? {
          type: "input",
          name: "answer",
          message,
          default: fallback,
          validate: (text) => problem(question, text, known),
        }
      : { type: "select", name: "answer", message, default: fallback, choices },
  ]);
  return answers.answer;
}

/** inquirer shows what is wrong, and asks again. */
function problem(question: Question, answer: string, known: Partial<Texts>): true | string {
  try {
    question.check?.(answer, known);
    return true;
  } catch (error) {
    return error instanceof UserError ? `${error.message} ${error.hint ?? ""}` : String(error);
  }
}

/** What deploy would refuse is refused here. */
function obey(rule: Rule<string>, answer: string): void {
  const problem = rule.problem(answer);
  if (problem === undefined) return;
  throw new UserError("USAGE", `"${answer}" ${problem}.`, { hint: "Write another one." });
}

function notEmpty(answer: string): void {
  if (answer.trim() === "") throw new UserError("USAGE", "The answer is empty.", { hint: "Write a name." });
}
