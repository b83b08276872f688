/** Every command, on the Redis that is installed. */
import { after, before } from "node:test";
import { startCommandsLab, stopCommandsLab, testCommands } from "./commands.js";

before(() => startCommandsLab());
after(stopCommandsLab);

testCommands(false);
