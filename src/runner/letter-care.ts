/** What people do with a recipe's dead letters reaches the pipeline: some are dropped, some are to be carried again. */
import { messageOf } from "../errors.js";
import type { Logger } from "../observe/logger.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Retries } from "../registry/dead-letters.js";

export class LetterCare {
  readonly #log: Logger;
  readonly #retries: () => Promise<Retries>;
  #isRetrying = false;

  /** `retries`: the keys that are to be tried again; they are asked for until their `done` is called. */
  constructor(log: Logger, retries: () => Promise<Retries>) {
    this.#log = log;
    this.#retries = retries;
  }

  /** One attempt at a time; it does not wait for the rows. */
  async mind(pipeline: Pipeline): Promise<void> {
    if (this.#isRetrying) return;
    await pipeline.reviewLetters();
    const retries = await this.#retries();
    if (retries.keys.length === 0) return;
    this.#isRetrying = true;
    void this.#retry(pipeline, retries).finally(() => (this.#isRetrying = false));
  }

  /** They are in no stream: until they are carried, whoever comes after a restart has to find them where they are. */
  async #retry(pipeline: Pipeline, { keys, done }: Retries): Promise<void> {
    try {
      this.#log.info(`carrying ${keys.length} dead letter${keys.length === 1 ? "" : "s"} again`);
      // The table may have been mended: what the catalog says now is what counts.
      pipeline.reconnect();
      if (await pipeline.retry(keys)) await done();
    } catch (error) {
      this.#log.warn(`dead letters could not be carried again yet: ${messageOf(error)}`);
    }
  }
}
