/**
 * Several recipes in one module: one bundle, deployed in one atomic step, each recipe with a name, version and state of its own.
 * The hashes `car:<id>` go to two tables, each by a recipe with other columns and other policies.
 *
 *     sqlite3 cars.sqlite < recipes/several.sql
 *     wbsync deploy recipes/several.ts
 *     wbsync run
 *     redis-cli HSET car:1 make Citroen color red km 1200
 */
import { sqlite, writeBehind } from "wbsync";

const db = sqlite({ file: () => process.env.CARS_DB ?? "cars.sqlite" });

/** What both have in common. */
const common = { version: "1.0.0", keysPrefix: "car" };

export const cars = writeBehind({
  ...common,
  name: "Cars",
  connector: db.table("cars", { primaryKey: "id" }),
  mappings: { make: "make", color: "color", km: "km" },
});

/** Keeps the last known mileage, also of cars that are gone from the cache. */
export const mileage = writeBehind({
  ...common,
  name: "Mileage",
  connector: db.table("mileage", { primaryKey: "car_id" }),
  mappings: { km: "km" },
  onDelete: "keep",
});
