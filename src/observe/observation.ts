/** What the runner knows at a moment, as far as those are interested in it who watch over it. */
import type { State, Status } from "../registry/types.js";

export interface Observation {
  readonly recipes: readonly Observed[];
  /** Whether the registry has been read. */
  readonly hasBegun: boolean;
  /** Recipes that were asked for by name and that nobody has deployed. */
  readonly missing: readonly string[];
}

/** A recipe. */
export interface Observed {
  readonly name: string;
  readonly state: State;
  readonly isReady: boolean;
  status(): Status;
}
