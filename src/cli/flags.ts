/** Flags in commander's terms. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { CONNECTION_FLAGS, type FlagSpec } from "../config/options.js";

/** Gives a command the connection flags, with the names that other tools have for them. */
export function withConnection(command: Command): Command {
  for (const spec of CONNECTION_FLAGS) {
    const option = optionOf(spec);
    command.addOption(option.helpGroup("Connection:"));
    for (const alias of spec.aliases ?? []) command.addOption(aliasOf(alias, option, command));
  }
  return command;
}

/** A parser for an option that takes a whole number. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

/** The flag that every command which prints data has. */
export function jsonOption(): Option {
  return new Option("--json", "print JSON");
}

function optionOf(spec: FlagSpec): Option {
  const option = new Option(spec.flags, spec.env === undefined ? spec.text : `${spec.text} (env: ${spec.env})`);
  if (spec.type === "integer") option.argParser(integer(spec.min ?? 0, spec.max ?? Number.MAX_SAFE_INTEGER));
  return option;
}

function aliasOf(flags: string, option: Option, command: Command): Option {
  const alias = new Option(flags).hideHelp();
  command.on(`option:${alias.name()}`, (value: unknown) => {
    command.setOptionValueWithSource(option.attributeName(), value ?? true, "cli");
  });
  return alias;
}
