/**
 * MongoDB: hashes `profile:<id>` become documents of `profiles`, with the id as `_id`. Shows types, nested fields, and JSON that
 * becomes a document.
 *
 *     wbsync deploy recipes/mongodb.ts
 *     MONGODB_URL=mongodb://127.0.0.1:27017/shop wbsync run
 *     redis-cli HSET profile:7 name Ada age 36 city London settings '{"theme": "dark", "tabs": [1, 2]}' joined 2024-02-29
 *     mongosh shop --eval 'db.profiles.find()'
 */
import { mongodb, writeBehind } from "wbsync";

const db = mongodb(() => process.env.MONGODB_URL ?? "mongodb://127.0.0.1:27017/shop");

export default writeBehind({
  name: "ProfilesWriteBehind",
  version: "1.0.0",
  keysPrefix: "profile",
  connector: db.collection("profiles", { primaryKey: "_id", types: { _id: "integer" } }),
  // A collection has no columns with types of their own: what a mapping does not say is a string.
  mappings: {
    name: "name",
    age: { column: "age", type: "integer" },
    city: "address.city", // { address: { city: … } }
    settings: { column: "settings", type: "json" },
    joined: { column: "joined", type: "date" },
  },
});
