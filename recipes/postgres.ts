/**
 * PostgreSQL: hashes `event:<uuid>` become rows of `app.events`, with a document, a time with zone, and columns that nobody maps.
 *
 *     psql --host=127.0.0.1 --username=app shop < recipes/postgres.sql
 *     wbsync deploy recipes/postgres.ts
 *     POSTGRES_URL=postgres://app:secret@127.0.0.1:5432/shop wbsync run
 *     redis-cli HSET event:6b1bd5b6-3f3e-4b6c-9c0a-2f6f0c4e9d10 kind login at 2024-02-29T12:30:00Z payload '{"ip":"10.0.0.7"}'
 */
import { postgres, writeBehind } from "wbsync";

const db = postgres(() => process.env.POSTGRES_URL ?? "postgres://app:secret@127.0.0.1:5432/shop");

export default writeBehind({
  name: "EventsWriteBehind",
  version: "1.0.0",
  keysPrefix: "event",
  // "schema.table"; the table's column "received" is not mapped, and so never touched.
  connector: db.table("app.events", { primaryKey: "id" }),
  mappings: { kind: "kind", at: "at", payload: "payload" },
  // A key that lives for an hour leaves its row behind; one that a client deletes does not.
  onDelete: "delete",
  onExpire: "keep",
});
