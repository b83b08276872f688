/** What could not be written meets what has come since. Pure. */
import type { Bytes } from "../model.js";
import { Entry, type Known } from "./entry.js";

/** Two entries of one key as one: what the newer does not say, the older does, unless anything may have happened between. */
export function carryOver(older: Entry, newer: Entry): Entry {
  const waiting: Bytes[] = [...(older.waiting ?? []), ...(newer.waiting ?? [])];
  // A key that was only touched brings no news.
  const isNews = newer.last > newer.first;
  const entry = isNews ? new Entry(older.key, older.first, older.firstDb, older.since) : older;
  if (waiting.length > 0) entry.waiting = waiting;
  if (!isNews) return entry;
  entry.last = Math.max(older.last, newer.last);
  entry.isVacant = newer.isVacant;
  entry.isCondemned = newer.isCondemned;
  entry.isRemoved = newer.isRemoved || older.isRemoved;
  entry.mayBeEmpty = newer.mayBeEmpty;
  entry.values = newer.values;
  entry.sealed = newer.sealed;
  entry.lastKnown = newer.lastKnown;
  entry.forgottenAt = newer.forgottenAt;
  entry.returnedAt = newer.returnedAt;
  if (!newer.isRemoved) inherit(entry, older, newer);
  return entry;
}

/** What the older knows counts, where it has not been forgotten since. */
function inherit(entry: Entry, older: Entry, newer: Entry): void {
  const hasOnlyLeft = newer.isVacant && newer.values.length === 0 && newer.forgottenAt === undefined;
  entry.returnedAt = older.returnedAt ?? (hasOnlyLeft ? undefined : newer.first);
  entry.forgottenAt = older.forgottenAt ?? newer.forgottenAt;
  // It was to go, and was written before it went: nobody knows what it is now.
  const isRevived = older.isCondemned && !newer.isVacant;
  if (isRevived) entry.forgottenAt ??= newer.first;
  if (isRevived || newer.forgottenAt !== undefined) {
    entry.lastKnown = overlay(older.known(), newer.known());
    return;
  }
  entry.lastKnown = older.lastKnown;
  entry.values = overlay(older.isVacant ? newer.values.map(() => null) : older.values, newer.values);
  if (hasOnlyLeft) entry.values = older.values;
  const sealed = [...(older.sealed ?? [])].filter((place) => newer.values[place] === undefined);
  if (sealed.length > 0) entry.sealed = new Set([...(newer.sealed ?? []), ...sealed]);
}

function overlay(below: readonly Known[], above: readonly Known[]): Known[] {
  const size = Math.max(below.length, above.length);
  return Array.from({ length: size }, (_, i) => (above[i] === undefined ? below[i] : above[i]));
}
