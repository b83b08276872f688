/** Rows as commands and arguments. */
import { RefusedValueError } from "../../errors.js";
import type { Batch, Row, Value } from "../../model.js";
import { isRedirect } from "./errors.js";
import type { Link, RowCommand } from "./link.js";

type Text = string | Buffer;
type KeyOf = (id: readonly Value[]) => Text;

/** A server takes no more values than this in one command (1,048,576), nor more bytes in one request (1 GB). */
const MAX_VALUES = 1_000_000;
const MAX_BYTES = 512 * 1024 * 1024;

/** A batch as `write-hashes` wants it: keys, deletes first, and for the others their fields, group by group. */
export function packRows(batch: Batch, keyOf: KeyOf): { keys: readonly Text[]; args: readonly Text[] } {
  const keys: Text[] = batch.deletes.map(({ id }) => keyOf(id));
  const args: Text[] = [];
  let bytes = 0;
  for (const { sets, unsets, rows } of groupRows(batch)) {
    args.push(String(sets.length), String(unsets.length), String(rows.length), ...sets, ...unsets);
    for (const { id, values } of rows) {
      keys.push(keyOf(id));
      for (const value of values) {
        if (isNull(value)) continue;
        args.push(value);
        bytes += value.length;
      }
    }
  }
  if (args.length + keys.length > MAX_VALUES || bytes > MAX_BYTES) {
    // Not this row's fault: the caller halves the batch until it fits.
    throw new RefusedValueError("The batch is larger than one request to Redis may be", {
      hint: "Choose a smaller batch in the recipe.",
    });
  }
  return { keys, args };
}

/** A batch as single commands to the nodes of a cluster. Throws the worst error when all have been answered. */
export async function writeOneByOne(link: Link, batch: Batch, keyOf: KeyOf): Promise<void> {
  const commands: [RowCommand, readonly Text[]][] = batch.deletes.map(({ id }) => ["del", [keyOf(id)]]);
  for (const { sets, unsets, rows } of groupRows(batch)) {
    for (const { id, values } of rows) {
      const key = keyOf(id);
      const present = values.filter((value) => !isNull(value));
      if (sets.length > 0) commands.push(["hset", [key, ...sets.flatMap((name, i) => [name, present[i]!])]]);
      if (unsets.length > 0) commands.push(["hdel", [key, ...unsets]]);
    }
  }
  const outcomes = await Promise.allSettled(commands.map(([command, args]) => link.send(command, args)));
  const failed = outcomes.flatMap((outcome, i) => (outcome.status === "rejected" ? [{ i, outcome }] : []));
  // Slots that move while they are written: the driver follows a redirection only where a pipeline holds nothing else.
  const lost = failed.filter(({ outcome }) => !isRedirect(outcome.reason));
  if (lost[0]) throw lost[0].outcome.reason;
  for (const { i } of failed) await link.call(...commands[i]!);
}

/** Rows that set the same fields, and lack the same: NULL is a field that is not there. */
interface Group {
  readonly sets: readonly string[];
  readonly unsets: readonly string[];
  readonly rows: Row[];
}

function groupRows({ upserts }: Batch): readonly Group[] {
  return upserts.flatMap(({ columns, rows }) => {
    const groups = new Map<string, Group>();
    for (const row of rows) {
      let lacking = "";
      for (let i = 0; i < columns.length; i++) if (isNull(row.values[i])) lacking += `${i},`;
      let group = groups.get(lacking);
      if (!group) {
        const isLacking = columns.map((_, i) => isNull(row.values[i]));
        const [sets, unsets] = [columns.filter((_, i) => !isLacking[i]), columns.filter((_, i) => isLacking[i])];
        groups.set(lacking, (group = { sets, unsets, rows: [] }));
      }
      group.rows.push(row);
    }
    return [...groups.values()];
  });
}

const isNull = (value: Value | undefined): value is null | undefined => value === null || value === undefined;
