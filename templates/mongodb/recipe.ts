import { configGet, mongodb, writeBehind } from "wbsync";

const db = mongodb({
  // For a replica set or Atlas: url: "mongodb://host1,host2/?replicaSet=rs0", or "mongodb+srv://…".
  host: "{{host}}",
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
  connector: db.collection("{{table}}", { primaryKey: "{{json:primaryKey}}" }),
  // Hash field: field of the document. A field without a type is a string: write { column: "age", type: "integer" } for others.
  mappings: {
    // {{mappings}}
  },
});
