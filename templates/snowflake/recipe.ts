import { configGet, snowflake, writeBehind } from "wbsync";

const db = snowflake({
  account: "{{host}}",
  user: "{{user}}",
  // Read at every connection attempt: from "wbsync config set {{passwordName}}", or else from the environment.
  // With a key pair: privateKey (PEM) and privateKeyPass instead.
  password: configGet("{{passwordName}}"),
  database: "{{database}}",
  schema: "{{schema}}",
  warehouse: "{{warehouse}}",
  // {{options}}
});

export default writeBehind({
  name: "{{name}}",
  version: "1.0.0",
  // <prefix>:<id>; the id is all that follows the first colon after the prefix.
  keysPrefix: "{{prefix}}",
  connector: db.table("{{table}}", { primaryKey: "{{json:primaryKey}}" }),
  // At most 50,000 rows every ten seconds, since a warehouse bills by the second: see batch and duration.
  // Hash field: column. Columns that are not named here are never touched.
  mappings: {
    // {{mappings}}
  },
});
