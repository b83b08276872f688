/** A recipe as `list` and `show` present it: what was registered, and what its runner says. Pure. */
import type { Entry } from "../registry/entry.js";
import type { State } from "../registry/types.js";
import type { Health } from "./health.js";

/** One recipe, for `--json` and for tables. */
export interface Summary {
  readonly name: string;
  readonly version: string;
  readonly mode: string;
  readonly keysPrefix: string;
  readonly connector: string;
  readonly table: string;
  readonly desired: string;
  readonly state: State;
  readonly reason?: string;
  /** The version that runs, where it is another than the registered one. */
  readonly runningVersion?: string;
  readonly refused?: { readonly version: string; readonly reason: string };
  readonly runner?: string;
  readonly capturing: boolean;
  readonly buffered: number;
  readonly rows: number;
  readonly deletes: number;
  readonly deadLetters: number;
  readonly snapshot?: { readonly scanned: number; readonly keys: number };
}

/** Puts a registration and its health together. */
export function summarize(entry: Entry, health: Health | undefined): Summary {
  const { name, registration, problem } = entry;
  const status = health?.status;
  const alive = health?.alive ?? false;
  const counts = {
    capturing: alive && status !== undefined && status.capturing,
    buffered: status?.buffered ?? 0,
    rows: status?.rows ?? 0,
    deletes: status?.deletes ?? 0,
    deadLetters: status?.deadLetters ?? 0,
  };
  if (registration === undefined) {
    const unknown = { version: "", mode: "", keysPrefix: "", connector: "", table: "", desired: "" };
    return { name, ...unknown, state: "failing", reason: problem, ...counts };
  }
  const { version, mode, keysPrefix, connector, table, desired } = registration;
  const reason = alive ? status?.reason : silence(health);
  return {
    ...{ name, version, mode, keysPrefix, connector, table, desired },
    state: alive && status !== undefined ? status.state : "stopped",
    ...(reason !== undefined && { reason }),
    ...(alive && status !== undefined && status.version !== version && { runningVersion: status.version }),
    ...(status?.refused !== undefined && { refused: status.refused }),
    ...(alive && status !== undefined && { runner: status.runner }),
    ...counts,
    ...(alive && status?.snapshot !== undefined && { snapshot: status.snapshot }),
  };
}

function silence(health: Health | undefined): string {
  if (health === undefined) return "no runner has taken it up";
  if (health.status.state === "stopped") return "its runner was stopped";
  return `its runner has not reported since ${new Date(health.status.at).toISOString()}`;
}

/** All that a person has to know beside the state, in one line. */
export function remarks({ reason, refused, runningVersion }: Summary): string {
  const parts = [
    ...(refused === undefined
      ? []
      : [
          `version ${refused.version} was refused${runningVersion === undefined ? "" : ` and ${runningVersion} goes on`}: ${refused.reason}`,
        ]),
    ...(refused === undefined && runningVersion !== undefined ? [`version ${runningVersion} is running`] : []),
    ...(reason === undefined ? [] : [reason]),
  ];
  return parts.join("; ");
}
