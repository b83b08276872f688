/** Every key and channel that wbsync itself uses in Redis. None has a time to live: that would blur the `expired_keys` counter. */

/** Hash: recipe name → JSON of `Registration`. */
export const RECIPES = "wbsync:recipes";
/** Hash: SHA-256 of a bundle → its text. */
export const BUNDLES = "wbsync:bundles";
/** Hash: name of a recipe that was undeployed → its last revision: what vanished by itself is put back, what was undeployed not. */
export const UNDEPLOYED = "wbsync:undeployed";
/** Hash: recipe name → JSON of `Status`, written by the runner that executes it. */
export const STATUS = "wbsync:status";
/** Hash: parameter name → encrypted value. */
export const PARAMETERS = "wbsync:parameters";
/** Channel: something in the registry has changed; the message is the recipe's name, or "*". */
export const CHANGED = "wbsync:changed";
/** Channel: written first in a transaction of the runner's own, so that capture knows its effects (Interpreter.markOwn in capture/commands.ts). */
export const OWN = "wbsync:own";
/** How the marker of a write-through's last step begins; the rest says whose. */
export const THROUGH = "through:";
/** The marker of a transaction that deletes a key whose row has to go as well: a client has asked for that (`~`). */
export const REMOVE = "remove";

/** Stream: the dead letters of a recipe. */
export const deadLetters = (recipe: string): string => `wbsync:dead:${recipe}`;
/** List: keys whose dead letters are to be tried again. */
export const retries = (recipe: string): string => `wbsync:retry:${recipe}`;
/** Stream: where a client waits for the acknowledgement of a write that carried an id. */
export const ackStream = (key: string, id: string): string => `{${key}}${id}`;

/** Hash, in a Redis that is written to: partition → checkpoint. A colon in the recipe's name must not look like the separator. */
export const checkpoints = (recipe: string, target: string): string =>
  `wbsync:checkpoint:${recipe.replace(/[%:]/g, encodeURIComponent)}:${target}`;
