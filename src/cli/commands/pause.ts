/** `wbsync pause`: changes are kept, and nothing is written. */
import type { Command } from "commander";
import { desireCommand } from "../desire.js";

/** Declares the command. */
export function pauseCommand(): Command {
  return desireCommand({
    verb: "pause",
    description: "stop writing to the table; changes are kept, and nothing is lost",
    desired: "paused",
    isDone: ({ state }) => state === "paused",
  });
}
