/** MongoDB, and servers that speak its protocol, through the driver mongodb. */
import type { Connector, Option } from "./connector.js";
import { collectionReference, type CollectionOptions } from "./mongodb/collection.js";
import { mongodbOptions, type MongodbOptions } from "./mongodb/options.js";
import { MongodbSink } from "./mongodb/sink.js";

export type { CollectionOptions, MongodbOptions };

/**
 * A MongoDB server, replica set or sharded cluster.
 *
 * ```ts
 * const db = mongodb({ url: "mongodb://127.0.0.1:27017", database: "shop", user: "app", password: () => configGet("MongoPassword") });
 * const same = mongodb("mongodb+srv://cluster.example.org/shop");
 * const persons = db.collection("persons", { primaryKey: "_id" });
 * const lines = db.collection("order_lines", { primaryKey: ["order", "line"], types: { line: "integer" } });
 * ```
 */
export function mongodb(options: MongodbOptions | Option<string>): {
  collection(name: string, options?: CollectionOptions): Connector;
} {
  const server = mongodbOptions(options);
  return {
    collection(name, collectionOptions = {}) {
      const reference = collectionReference(name, collectionOptions);
      return {
        kind: "mongodb",
        table: reference.name,
        primaryKey: reference.primaryKey,
        sink: (context) => new MongodbSink(server, reference, context),
      };
    },
  };
}
