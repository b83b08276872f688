/** Finds which hashes there are: by SCAN, in no order, since Redis keeps none. */
import type { Bytes } from "../../model.js";
import type { HashesReference } from "./hashes.js";
import type { Link } from "./link.js";

const COUNT = "1000";

/** The ids of all hashes, in portions as SCAN yields them. One may come twice; one that is there all the time never misses. */
export async function* listIds(link: Link, { prefix, primaryKey }: HashesReference): AsyncGenerator<readonly Bytes[]> {
  const head = Buffer.from(`${prefix}:`).toString("latin1");
  const pattern = `${prefix.replace(/[*?[\]\\^-]/g, "\\$&")}:*`;
  for (const node of link.masters()) {
    let cursor = "0";
    do {
      const reply = await node.callBuffer("SCAN", [cursor, "MATCH", pattern, "COUNT", COUNT]);
      const [next, keys] = reply as [Buffer, readonly Buffer[]];
      cursor = next.toString();
      for (const key of keys) {
        const id = key.toString("latin1").slice(head.length);
        const parts = primaryKey.length === 1 ? [id] : id.split(":");
        if (parts.length === primaryKey.length) yield parts;
      }
    } while (cursor !== "0");
  }
}
