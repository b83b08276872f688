/** Every command, those of fields that expire included, on Redis 8. */
import { after, before, describe } from "node:test";
import { redis8 } from "../support/redis8.js";
import { startCommandsLab, stopCommandsLab, testCommands } from "./commands.js";

const found = await redis8();

describe("Redis 8", { skip: "missing" in found && found.missing }, () => {
  before(() => startCommandsLab("command" in found ? found.command : undefined));
  after(stopCommandsLab);

  testCommands(true);
});
