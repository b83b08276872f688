/** How a registration changes: deploy, roll back, pause. Pure. */
import compare from "semver/functions/compare.js";
import valid from "semver/functions/valid.js";
import { UserError } from "../errors.js";
import type { Registration, Version } from "./types.js";

/** A version of a recipe that is about to be registered. */
export type NamedVersion = Version & { readonly name: string };

/** What a deploy does (or would do) to one recipe. */
export interface DeployOutcome {
  readonly name: string;
  readonly version: string;
  readonly action: "new" | "replaced" | "unchanged" | "refused";
  /** The version that is registered before. */
  readonly from?: string;
  /** The registration's revision afterwards: a runner that reports it has taken over. */
  readonly revision: number;
}

/** A version for work in progress: it replaces whatever is there, itself included. */
export const ALWAYS = "99.99.99";
/** Ten versions in all. */
const MAX_HISTORY = 9;

/** Whether a version may replace the one that is registered, and what that would be called. */
export function judge(current: Registration | undefined, next: NamedVersion, force: boolean): DeployOutcome["action"] {
  if (current === undefined) return "new";
  const newer = valid(current.version) === null || compare(next.version, current.version) > 0;
  if (!newer && !force && next.version !== ALWAYS) return "refused";
  const { version, sha256, signature, signer } = current;
  const same =
    version === next.version && sha256 === next.sha256 && signature === next.signature && signer === next.signer;
  return same ? "unchanged" : "replaced";
}

/** The registration after a deploy. `lastRevision` is that of an earlier registration of the name which was undeployed. */
export function replace(current: Registration | undefined, next: NamedVersion, lastRevision: number): Registration {
  if (current === undefined) {
    return {
      ...pickVersion(next),
      name: next.name,
      revision: lastRevision + 1,
      desired: "active",
      reconnects: 0,
      resumes: 0,
      history: [],
    };
  }
  // Work in progress would push the real versions out.
  const keep = !(current.version === ALWAYS && next.version === ALWAYS);
  const history = [...(keep ? [pickVersion(current)] : []), ...current.history].slice(0, MAX_HISTORY);
  return bump({ ...stateOf(current), ...pickVersion(next), history });
}

/** The registration after a rollback: to the newest version before the active one, or to the one that is named. */
export function rollBack(current: Registration, version: string | undefined): Registration {
  const index = version === undefined ? 0 : current.history.findIndex((past) => past.version === version);
  const target = current.history[index];
  if (target !== undefined) {
    const history = [pickVersion(current), ...current.history.filter((_, at) => at !== index)].slice(0, MAX_HISTORY);
    return bump({ ...stateOf(current), ...target, history });
  }
  const kept = current.history.map((past) => past.version).join(", ");
  const message =
    version === undefined
      ? `Recipe "${current.name}" has no version before ${current.version}.`
      : version === current.version
        ? `Recipe "${current.name}" is at version ${version} already.`
        : `Recipe "${current.name}" has no version ${version} to go back to.`;
  throw new UserError("NOT_FOUND", message, {
    hint: kept === "" ? "Deploy another version." : `The versions kept are ${kept}.`,
  });
}

/** The registration with a new revision. */
export function bump(registration: Registration): Registration {
  return { ...registration, revision: registration.revision + 1 };
}

/** The refusal of a deploy, with every version that is in the way. */
export function refusal(outcomes: readonly DeployOutcome[]): UserError {
  const refused = outcomes.filter(({ action }) => action === "refused");
  const lines = refused.map(
    ({ name, version, from }) => `Version ${version} of recipe "${name}" is not newer than ${from}, which is deployed.`,
  );
  const more = outcomes.length > refused.length ? "\nNothing was deployed: a bundle is deployed as a whole." : "";
  return new UserError("VERSION", lines.join("\n") + more, { hint: "Raise the version, or deploy with --force." });
}

/** What belongs to the version alone. */
function pickVersion(from: Version): Version {
  const { version, sha256, deployedAt, signature, signer, mode, keysPrefix, connector, table } = from;
  const signed = { ...(signature !== undefined && { signature }), ...(signer !== undefined && { signer }) };
  return { version, sha256, deployedAt, ...signed, mode, keysPrefix, connector, table };
}

/** What belongs to the registration, whatever its version. A signature must not survive its version. */
function stateOf(registration: Registration): Omit<Registration, keyof Version> {
  const { name, revision, desired, reconnects, resumes, history } = registration;
  return { name, revision, desired, reconnects, resumes, history };
}
