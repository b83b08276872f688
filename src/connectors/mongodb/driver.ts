/** The slice of the driver mongodb that is used, so that it stays optional. */
import type { Binary, BSON, Decimal128, Double, Int32, Long, MongoClient, MongoClientOptions, UUID } from "mongodb";
import { loadDriver } from "../sql/driver.js";

/** Makers of BSON values. */
export interface Bson {
  readonly Binary: typeof Binary;
  readonly Decimal128: typeof Decimal128;
  readonly Double: typeof Double;
  readonly Int32: typeof Int32;
  readonly Long: typeof Long;
  readonly UUID: typeof UUID;
  readonly BSON: Pick<typeof BSON, "calculateObjectSize">;
}

/** The driver, as far as it is used. */
export interface Driver extends Bson {
  readonly MongoClient: new (url: string, options: MongoClientOptions) => MongoClient;
}

/** Loads the driver when it is first used. */
export const loadMongodb = async (): Promise<Driver> =>
  await loadDriver<Driver>("mongodb", async () => await import("mongodb"));
