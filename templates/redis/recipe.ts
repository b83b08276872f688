import { configGet, redis, writeBehind } from "wbsync";

// For a cluster: redis({ cluster: ["host:port", …], user, password }).
const target = redis({
  host: "{{host}}",
  // {{port}}
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
  // {{table}}:<id> in the other Redis.
  connector: target.hashes("{{table}}", { primaryKey: "{{json:primaryKey}}" }),
  // Hash field: field of the copy. Fields that are not named here are never touched.
  mappings: {
    // {{mappings}}
  },
});
