/** What a deploy did, recipe by recipe. */
import type { DeployOutcome } from "../registry/change.js";
import { colors, print, printJson } from "./output.js";

/** Prints outcomes: "PersonsWriteBehind 1.1.0 is replaced (before: 1.0.0)". */
export function reportOutcomes(outcomes: readonly DeployOutcome[], verb: "is" | "would be", json = false): void {
  if (json) return printJson(outcomes);
  for (const { name, version, action, from } of outcomes)
    print(`${colors.bold(name)} ${version} ${verb} ${words(action, from)}`);
}

function words(action: DeployOutcome["action"], from: string | undefined): string {
  switch (action) {
    case "new":
      return "deployed";
    case "replaced":
      return `deployed (before: ${from})`;
    case "unchanged":
      return "unchanged";
    case "refused":
      return `refused (deployed: ${from})`;
  }
}
