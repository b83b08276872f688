/** `wbsync resume`: goes on after a pause, or after a recipe stopped itself. */
import type { Command } from "commander";
import { desireCommand } from "../desire.js";

/** Declares the command. */
export function resumeCommand(): Command {
  return desireCommand({
    verb: "resume",
    description: "go on after a pause, or after a recipe has stopped itself",
    desired: "active",
    isDone: ({ state }) => !["paused", "halted", "starting"].includes(state),
  });
}
