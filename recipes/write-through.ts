/**
 * Write-through: the row is committed before the hash changes. A client writes `__{account:7}` and waits for the answer in the
 * stream `{account:7}<id>`. The write-behind beside it carries what is written to `account:7` directly; it does not write rows of
 * the write-through a second time.
 *
 *     mysql --host=127.0.0.1 --user=app --password shop < recipes/write-through.sql
 *     wbsync deploy recipes/write-through.ts
 *     MYSQL_URL=mysql://app:secret@127.0.0.1:3306/shop wbsync run
 *     redis-cli HSET '__{account:7}' owner Ada balance 100.00 '#' =req1
 *     redis-cli XREAD BLOCK 5000 STREAMS '{account:7}req1' 0-0
 */
import { mysql, writeBehind, writeThrough } from "wbsync";

const db = mysql(() => process.env.MYSQL_URL ?? "mysql://app:secret@127.0.0.1:3306/shop");

const connector = db.table("accounts", { primaryKey: "id" });
const mappings = { owner: "owner", balance: "balance" };

export const through = writeThrough({
  name: "AccountsWriteThrough",
  version: "1.0.0",
  keysPrefix: "__", // __{account:7}
  connector,
  mappings,
  timeout: 5000, // ms; then the answer is "failed", and account:7 stays as it is
});

export const behind = writeBehind({
  name: "AccountsWriteBehind",
  version: "1.0.0",
  keysPrefix: "account", // account:7
  connector,
  mappings,
});
