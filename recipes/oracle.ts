/**
 * Oracle: hashes `invoice:<customer>:<number>` become rows of `INVOICES`. Shows a composite primary key, decimals, a DATE, a time with
 * zone, and names in lower case that the database has in upper case.
 *
 *     sqlplus app@//127.0.0.1:1521/FREEPDB1 @recipes/oracle.sql
 *     npm install oracledb
 *     wbsync deploy recipes/oracle.ts
 *     ORACLE_URL=oracle://app:secret@127.0.0.1:1521/FREEPDB1 wbsync run
 *     redis-cli HSET invoice:7:1 customer 'Ada Lovelace' total 99.90 issued 2024-02-29 paid 2024-03-01T09:30:00+01:00
 */
import { oracle, writeBehind } from "wbsync";

const db = oracle(() => process.env.ORACLE_URL ?? "oracle://app:secret@127.0.0.1:1521/FREEPDB1");

export default writeBehind({
  name: "InvoicesWriteBehind",
  version: "1.0.0",
  keysPrefix: "invoice",
  connector: db.table("invoices", { primaryKey: ["customer_no", "invoice_no"] }),
  mappings: {
    customer: "customer",
    total: { column: "total", default: 0 },
    issued: "issued",
    paid: "paid",
    note: "note",
  },
});
