import { configGet, mssql, writeBehind } from "wbsync";

const db = mssql({
  server: "{{host}}",
  // {{port}}
  user: "{{user}}",
  // Read at every connection attempt: from "wbsync config set {{passwordName}}", or else from the environment.
  password: configGet("{{passwordName}}"),
  database: "{{database}}",
  // {{options}}
});

export default writeBehind({
  name: "{{name}}",
  version: "1.0.0",
  // <prefix>:<id>; the id is all that follows the first colon after the prefix.
  keysPrefix: "{{prefix}}",
  connector: db.table("{{table}}", { primaryKey: "{{json:primaryKey}}" }),
  // Hash field: column. Columns that are not named here are never touched.
  mappings: {
    // {{mappings}}
  },
});
