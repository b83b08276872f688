/**
 * Credentials that are not in the recipe: `configGet` asks for them at every connection attempt, so that a changed password needs
 * no new version.
 *
 *     export WBSYNC_SECRET_KEY="$(wbsync config keygen)"
 *     wbsync config set ShopDbPassword
 *     wbsync deploy recipes/secrets.ts
 *     ShopDbHost=127.0.0.1 ShopDbUser=app wbsync run
 *
 * A name is looked up among what `wbsync config set` stored (encrypted, in Redis), then in the environment variable of that name,
 * then in the file that `<name>_FILE` names.
 */
import { configGet, postgres, writeBehind } from "wbsync";

const db = postgres({
  host: configGet("ShopDbHost"),
  port: async () => Number(await configGet("ShopDbPort")),
  user: configGet("ShopDbUser"),
  password: configGet("ShopDbPassword"),
  database: "shop",
});

export default writeBehind({
  name: "ProductsWriteBehind",
  version: "1.0.0",
  keysPrefix: "product",
  connector: db.table("products", { primaryKey: "sku" }),
  mappings: { title: "title", price: "price", stock: "stock" },
});
