import { sqlite, writeBehind } from "wbsync";

// Relative to the folder that "wbsync run" is started in.
const db = sqlite({ file: "{{file}}" });

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
