/** Places in the stream that no checkpoint may pass. */

export interface Place {
  readonly offset: number;
  /** The database that is selected there. */
  readonly db: number;
}

/** The one that comes first; undefined: there is no such place. */
export function earlier(one: Place | undefined, other: Place | undefined): Place | undefined {
  if (!one || !other) return one ?? other;
  return one.offset <= other.offset ? one : other;
}
