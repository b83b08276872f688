/** Triggers that write down every state a row has had, and the proof that no row ever went back to an older one. */
import assert from "node:assert/strict";
import type { DatabaseKind, LabDatabase } from "../support/lab-databases.js";
import { GONE, type RandomLoad } from "./random-load.js";

const state = (row: string, cast: (column: string) => string): string =>
  ["first", "last", "age", "v"].map((column) => `COALESCE(${cast(`${row}.${column}`)}, '-')`).join(` || '|' || `);

/** Makes the table `history`, and the triggers that fill it; where there are none, the rows are watched. */
export async function recordRows(db: LabDatabase, table = "persons"): Promise<void> {
  if (db.other) return db.other.watch();
  switch (db.kind as DatabaseKind) {
    case "mysql":
      await db.query("CREATE TABLE history (seq BIGINT AUTO_INCREMENT PRIMARY KEY, id VARCHAR(200), state TEXT)");
      for (const [event, expression] of mysqlEvents()) {
        await db.query(
          `CREATE TRIGGER record_${event} AFTER ${event} ON ${table} FOR EACH ROW INSERT INTO history (id, state) VALUES (${expression})`,
        );
      }
      return;
    case "sqlite":
      await db.query("CREATE TABLE history (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, state TEXT)");
      for (const [event, row, expression] of sqliteEvents()) {
        await db.query(
          `CREATE TRIGGER record_${event} AFTER ${event} ON ${table} BEGIN INSERT INTO history (id, state) VALUES (${row}.id, ${expression}); END`,
        );
      }
      return;
    case "postgres":
      await db.query("CREATE TABLE history (seq BIGSERIAL PRIMARY KEY, id TEXT, state TEXT)");
      await db.query(`CREATE FUNCTION record() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'DELETE' THEN INSERT INTO history (id, state) VALUES (OLD.id, '${GONE}');
        ELSE INSERT INTO history (id, state) VALUES (NEW.id, ${state("NEW", (column) => `${column}::text`)}); END IF;
        RETURN NULL; END $$`);
      await db.query(
        `CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION record()`,
      );
  }
}

function mysqlEvents(): readonly (readonly [string, string])[] {
  const columns = ["first", "last", "age", "v"].map((column) => `COALESCE(NEW.${column}, '-')`);
  const written = `NEW.id, CONCAT_WS('|', ${columns.join(", ")})`;
  return [
    ["INSERT", written],
    ["UPDATE", written],
    ["DELETE", `OLD.id, '${GONE}'`],
  ];
}

function sqliteEvents(): readonly (readonly [string, string, string])[] {
  const written = state("NEW", (column) => `CAST(${column} AS TEXT)`);
  return [
    ["INSERT", "NEW", written],
    ["UPDATE", "NEW", written],
    ["DELETE", "OLD", `'${GONE}'`],
  ];
}

/**
 * Asserts that what each row was, one state after the other, is what its hash was, in the same order, with some left out: no row
 * ever went back, and none was ever something that its hash was not. Returns how many states were looked at.
 */
export async function assertNoRowWentBack(db: LabDatabase, load: Pick<RandomLoad, "history">): Promise<number> {
  const events = db.other ? await db.other.watched() : await db.query("SELECT id, state FROM history ORDER BY seq");
  const places = new Map<string, number>();
  const wrong: string[] = [];
  for (const event of events) {
    const [id, found] = [event["id"] as string, event["state"] as string];
    const place = places.get(id) ?? 0;
    const states = load.history.get(id) ?? [];
    const next = states.indexOf(found, place);
    if (next >= 0) places.set(id, next);
    else wrong.push(`${id} was "${states[place]}", became "${found}": ${why(states.indexOf(found), states.length)}`);
  }
  assert.equal(
    wrong.length,
    0,
    `${wrong.length} of ${events.length} states are wrong:\n${wrong.slice(0, 10).join("\n")}`,
  );
  return events.length;
}

function why(place: number, count: number): string {
  return place < 0 ? "the hash was never so" : `the hash was so before (${place} of ${count})`;
}
