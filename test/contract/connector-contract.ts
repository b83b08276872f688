/**
 * The conformance suite that every connector passes. For a connector of your own, write a harness (see harness.ts) and call
 *
 *     connectorContract("my database", () => startMyHarness());
 *
 * from a test file. What the database cannot promise (its capabilities) is skipped, and reported as such.
 */
import { after, before, describe, test } from "node:test";
import { catalog } from "./catalog.js";
import { checkpoints, fencing } from "./checkpoints.js";
import { harm, signIn, waits } from "./faults.js";
import type { Capabilities, Harness } from "./harness.js";
import { refusals } from "./refusals.js";
import { values } from "./values.js";
import { writing } from "./writing.js";

export interface ContractOptions {
  readonly capabilities: Capabilities;
  /** There is a private server that may be killed. */
  readonly mayHarm: boolean;
  /** Starts what is needed. */
  start(): Promise<Harness & { stop(): Promise<void> }>;
}

/** Declares the tests of one connector. */
export function connectorContract(name: string, options: ContractOptions): void {
  describe(`${name}: the connector contract`, () => {
    let started: (Harness & { stop(): Promise<void> }) | undefined;
    before(async () => {
      started = await options.start();
    });
    after(async () => {
      await started?.drop(`${started.prefix}checkpoint`).catch(() => undefined);
      await started?.stop();
    });
    const harness = (): Harness => started!;
    const part = (title: string, holds: boolean, declare: (harness: () => Harness) => void) => {
      if (holds) describe(title, () => declare(harness));
      else test(title, { skip: "this database does not promise it" }, () => undefined);
    };
    const { transactional, refusesRows, schema, credentials } = options.capabilities;
    part("writing", true, writing);
    part("values", true, values);
    part("checkpoints", true, checkpoints);
    part("fencing", transactional, fencing);
    part("refusals", refusesRows, refusals);
    part("the catalog", schema, catalog);
    part("waiting", true, waits);
    part("signing in", credentials, signIn);
    part("a server that is harmed", options.mayHarm, harm);
  });
}
