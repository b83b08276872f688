/** What the life of a recipe needs of the process that it lives in. */
import type { Logger } from "../observe/logger.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Recipe } from "../recipe/recipe.js";
import type { Retries } from "../registry/dead-letters.js";
import type { Registration, Status } from "../registry/types.js";

/** What a task asks of its runner. */
export interface TaskEnvironment {
  readonly runner: string;
  readonly log: Logger;
  /** The registered code, checked; with the recipe of that name in it. */
  load(registration: Registration): Promise<Recipe>;
  makePipeline(recipe: Recipe, log: Logger, onChange: () => void): Pipeline;
  report(name: string, status: Status): Promise<void>;
  /** What was reported last for this recipe, by whichever runner. */
  lastReport(name: string): Promise<Status | undefined>;
  /** Keys whose dead letters are to be tried again; they are asked for until `done` is called. */
  retries(name: string): Promise<Retries>;
  /** Until it is released, nobody is told by WAIT that a write is in every table. */
  hold(task: object): void;
  release(task: object): void;
}
