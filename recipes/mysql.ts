/**
 * MySQL or MariaDB: hashes `customer:<id>` become rows of `customers`. Shows types, defaults, and the options of `writeBehind`.
 *
 *     mysql --host=127.0.0.1 --user=app --password shop < recipes/mysql.sql
 *     wbsync deploy recipes/mysql.ts
 *     MYSQL_URL=mysql://app:secret@127.0.0.1:3306/shop wbsync run
 *     redis-cli HSET customer:1 name Ada email ada@example.org since 2024-02-29 balance 12.50
 */
import { mysql, writeBehind } from "wbsync";

const db = mysql(() => process.env.MYSQL_URL ?? "mysql://app:secret@127.0.0.1:3306/shop");

export default writeBehind({
  name: "CustomersWriteBehind",
  version: "1.0.0",
  keysPrefix: "customer",
  connector: db.table("customers", { primaryKey: "id" }),
  mappings: {
    name: "name",
    email: "email",
    since: "since",
    balance: { column: "balance", default: "0.00" },
    // 1 and 0, true and false, …: what is neither is refused and becomes a dead letter.
    active: { column: "active", type: "boolean", default: true },
  },
  // All of these are the defaults.
  batch: 1000,
  duration: 10,
  partitions: 4,
  snapshot: "initial",
  onError: "dead-letter",
  onDelete: "delete",
  onExpire: "keep",
});
