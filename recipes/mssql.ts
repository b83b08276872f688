/**
 * SQL Server: hashes `invoice:<number>` become rows of `invoices`. Shows a key that tells "a1" from "A1", money without loss, a time
 * with a zone, and a column that nobody maps.
 *
 *     sqlcmd -S tcp:127.0.0.1,1433 -U app -d shop -i recipes/mssql.sql
 *     wbsync deploy recipes/mssql.ts
 *     MSSQL_URL='mssql://app:secret@127.0.0.1:1433/shop?trustServerCertificate=true' wbsync run
 *     redis-cli HSET invoice:A1 customer Ada total 1234.50 due 2024-02-29 sent 2024-02-01T08:30:00+01:00
 */
import { mssql, writeBehind } from "wbsync";

const db = mssql(() => process.env.MSSQL_URL ?? "mssql://app:secret@127.0.0.1:1433/shop?trustServerCertificate=true");

export default writeBehind({
  name: "InvoicesWriteBehind",
  version: "1.0.0",
  keysPrefix: "invoice",
  // The column "note" is not mapped, and so never touched.
  connector: db.table("invoices", { primaryKey: "number" }),
  mappings: {
    customer: "customer",
    total: "total",
    paid: { column: "paid", default: false },
    due: "due",
    sent: "sent",
  },
});
