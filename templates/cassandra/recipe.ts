import { cassandra, configGet, writeBehind } from "wbsync";

const db = cassandra({
  // Some nodes of the cluster; the driver finds the others.
  contactPoints: ["{{host}}"],
  // {{port}}
  // What "SELECT data_center FROM system.local" says.
  localDataCenter: "{{localDataCenter}}",
  keyspace: "{{database}}",
  user: "{{user}}",
  // Read at every connection attempt: from "wbsync config set {{passwordName}}", or else from the environment.
  password: configGet("{{passwordName}}"),
  // {{options}}
});

export default writeBehind({
  name: "{{name}}",
  version: "1.0.0",
  // <prefix>:<id>; the id is all that follows the first colon after the prefix.
  keysPrefix: "{{prefix}}",
  // Every column of the table's primary key.
  connector: db.table("{{table}}", { primaryKey: "{{json:primaryKey}}" }),
  // Hash field: column. Columns that are not named here are never touched.
  mappings: {
    // {{mappings}}
  },
});
