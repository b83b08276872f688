/** How the tests of a connector talk to its database themselves, wherever that is. */
import type { Harness } from "../contract/harness.js";

export interface Lab {
  /** Without a commit until `end`. */
  open(): Promise<{ query: Query; end(commit: boolean): Promise<void> }>;
  connector: Harness["connector"];
  readonly user: string;
  readonly password: string;
}

export type Query = (sql: string, params?: readonly (string | null)[]) => Promise<Rows>;

export type Rows = readonly (readonly (string | Buffer | null)[])[];

/** One statement in a session and a transaction of its own. */
export function queryOn(lab: Lab): Query {
  return async (sql, params) => {
    const session = await lab.open();
    try {
      const rows = await session.query(sql, params);
      await session.end(true);
      return rows;
    } catch (error) {
      await session.end(false);
      throw error;
    }
  };
}
