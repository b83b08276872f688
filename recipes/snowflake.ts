/**
 * Snowflake: hashes `visit:<id>` become rows of `VISITS`. Shows decimals, a time with zone, JSON in a VARIANT, and how often a
 * warehouse is woken.
 *
 *     snowsql --accountname myorg-myaccount --username WBSYNC --dbname SHOP --schemaname PUBLIC --filename recipes/snowflake.sql
 *     npm install snowflake-sdk
 *     wbsync deploy recipes/snowflake.ts
 *     SNOWFLAKE_URL='snowflake://WBSYNC:secret@myorg-myaccount/SHOP/PUBLIC?warehouse=LOAD_WH&role=LOADER' wbsync run
 *     redis-cli HSET visit:7 page /tea seconds 42 revenue 9.90 visited 2024-02-29T12:30:00Z properties '{"campaign": "spring"}'
 */
import { snowflake, writeBehind } from "wbsync";

const db = snowflake(
  () => process.env.SNOWFLAKE_URL ?? "snowflake://WBSYNC:secret@myorg-myaccount/SHOP/PUBLIC?warehouse=LOAD_WH",
);

export default writeBehind({
  name: "VisitsWriteBehind",
  version: "1.0.0",
  keysPrefix: "visit",
  connector: db.table("visits", { primaryKey: "id" }),
  // Where nothing is said: ten seconds. A warehouse that suspends after a minute sleeps longer with more.
  duration: 30_000,
  mappings: {
    page: "page",
    seconds: "seconds",
    revenue: "revenue",
    visited: "visited",
    properties: "properties",
  },
});
