/**
 * A composite key and a transform: hashes `order:<customer_id>:<line_no>` become rows of `order_lines`, with a total that no hash
 * holds; lines that are still drafts are skipped.
 *
 *     sqlite3 orders.sqlite < recipes/order-lines.sql
 *     wbsync deploy recipes/order-lines.ts
 *     wbsync run
 *     redis-cli HSET order:7:1 article tea quantity 3 price 4.20
 */
import { sqlite, writeBehind } from "wbsync";

const db = sqlite({ file: () => process.env.ORDERS_DB ?? "orders.sqlite" });

export default writeBehind({
  name: "OrderLines",
  version: "1.0.0",
  keysPrefix: "order",
  // The parts of the key between colons, in this order.
  connector: db.table("order_lines", { primaryKey: ["customer_id", "line_no"] }),
  // Called with the whole hash, as text. What it returns is mapped in place of the hash; null skips the key.
  transform: (line, _key) => {
    if (line.state === "draft") return null;
    const cents = Math.round(Number(line.price) * 100) * Number(line.quantity);
    return { ...line, total: (cents / 100).toFixed(2), tags: line.tags?.split(" ") };
  },
  // "total" comes from the transform; "tags" is an array there, and JSON in the column.
  mappings: {
    article: "article",
    quantity: "quantity",
    price: "price",
    total: "total",
    tags: { column: "tags", type: "json" },
  },
});
