/**
 * Cassandra: hashes `sensor:<sensor>:<day>` become rows of `daily_readings`. Shows a primary key of a partition key and a clustering
 * column, decimals, and a time.
 *
 *     cqlsh -e "CREATE KEYSPACE iot WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
 *     cqlsh -k iot -f recipes/cassandra.sql
 *     wbsync deploy recipes/cassandra.ts
 *     CASSANDRA_URL='cassandra://app:secret@127.0.0.1/iot?localDataCenter=datacenter1' wbsync run
 *     redis-cli HSET sensor:roof-1:2024-02-29 low -3.5 high 9.25 samples 288 updated 2024-02-29T23:55:00Z
 */
import { cassandra, writeBehind } from "wbsync";

const db = cassandra(
  () => process.env.CASSANDRA_URL ?? "cassandra://app:secret@127.0.0.1/iot?localDataCenter=datacenter1",
);

export default writeBehind({
  name: "SensorsWriteBehind",
  version: "1.0.0",
  keysPrefix: "sensor",
  // Every column of the table's primary key, in the order of the key's parts: sensor:<sensor>:<day>.
  connector: db.table("daily_readings", { primaryKey: ["sensor", "day"] }),
  mappings: {
    low: "low",
    high: "high",
    samples: { column: "samples", default: 0 },
    updated: "updated",
  },
});
