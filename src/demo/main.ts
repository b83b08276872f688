/** `npm run demo`: plays every scene, and says truthfully whether all of it was so. */
import { colors } from "../cli/output.js";
import { messageOf } from "../errors.js";
import * as scenes from "./scenes.js";
import { duration, Stage } from "./stage.js";
import { World } from "./world.js";

const PLAY: readonly scenes.Scene[] = [
  ...[scenes.deploy, scenes.run, scenes.insert, scenes.update, scenes.wait],
  ...[scenes.many, scenes.crash, scenes.remove, scenes.refuse, scenes.stop],
];

/** Plays the demo, and returns the process's exit code: 0 only where everything that it showed was so. */
export async function play(): Promise<number> {
  const stage = new Stage();
  const world = new World();
  const start = performance.now();
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.once(signal, () => {
      world.close();
      process.exit(code);
    });
  }
  try {
    await world.open();
    stage.title("wbsync", "A private Redis and an SQLite file, in a temporary folder that goes away at the end.");
    for (const scene of PLAY) await scene(stage, world);
    world.close();
    stage.end(
      `${colors.bold.green("All of it was so.")} ${duration(performance.now() - start)}, and nothing is left behind. ` +
        `Next: ${colors.bold("the five-minute guide in README.md")}`,
    );
    return 0;
  } catch (error) {
    stage.failed(messageOf(error));
    return 1;
  } finally {
    world.close();
  }
}
