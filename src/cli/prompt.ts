/** Questions to a person. Asked on stderr, for stdout is data; and only where there is a terminal. */
import type inquirer from "inquirer";

/** Asks a list of questions, and resolves to the answers by name. */
export type Prompt = (typeof inquirer)["prompt"];

/** Whether somebody is there to answer. */
export function canPrompt(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** inquirer, loaded when there is a question. */
export async function promptModule(): Promise<Prompt> {
  const { default: inquirer } = await import("inquirer");
  return inquirer.createPromptModule({ input: process.stdin, output: process.stderr });
}

/** Asks for a value that is not shown. */
export async function askSecret(message: string): Promise<string> {
  const prompt = await promptModule();
  const { value } = await prompt<{ value: string }>([{ type: "password", name: "value", message }]);
  return value;
}
