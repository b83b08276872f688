/** What becomes of the row when its key goes, as the recipe says. */
import type { GoneCause } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { DeletePolicy, WriteBehindRecipe } from "../recipe/recipe.js";

type Policies = Pick<WriteBehindRecipe, "onDelete" | "onExpire" | "onEvict" | "onFlush" | "onUncertainDelete">;

/** The policy for a cause. */
export function policyFor(cause: GoneCause, policies: Policies): DeletePolicy {
  switch (cause) {
    case "delete":
      return policies.onDelete;
    case "expire":
      return policies.onExpire;
    case "evict":
      return policies.onEvict;
    case "flush":
      return policies.onFlush;
    case "asked":
      return "delete";
    case "uncertain":
      return policies.onUncertainDelete;
  }
}

/** Deletes whose author nobody can name are told of, but not each of them. */
const TELL_EVERY = 1000;

/** Counts deletes whose cause is uncertain, and tells of them. */
export class UncertainDeletes {
  readonly #policy: DeletePolicy;
  readonly #log: Logger;
  count = 0;

  constructor(policy: DeletePolicy, log: Logger) {
    this.#policy = policy;
    this.#log = log;
  }

  add(): void {
    if (this.count++ % TELL_EVERY > 0) return;
    const fate = this.#policy === "keep" ? "kept" : "deleted";
    this.#log.warn(
      { soFar: this.count },
      `a key went, and nobody can tell whether a client deleted it or it expired: the row is ${fate} (onUncertainDelete)`,
    );
  }
}
