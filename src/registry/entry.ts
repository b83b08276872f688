/** Reads what the registry's hashes hold. What is not as it should be becomes a problem to show, never a crash. Pure. */
import { messageOf } from "../errors.js";
import type { Registration, Status, Version } from "./types.js";

/** One field of `wbsync:recipes`: a registration, or what is wrong with it. */
export type Entry =
  | { readonly name: string; readonly registration: Registration; readonly problem?: undefined }
  | { readonly name: string; readonly registration?: undefined; readonly problem: string };

/** Reads a registration. */
export function parseEntry(name: string, text: string): Entry {
  try {
    const value = JSON.parse(text) as unknown;
    const problem = problemOf(name, value);
    return problem === undefined ? { name, registration: value as Registration } : { name, problem };
  } catch (error) {
    return { name, problem: `its registration is not valid JSON: ${messageOf(error)}` };
  }
}

function problemOf(name: string, value: unknown): string | undefined {
  if (!isVersion(value)) return "its registration lacks a version, bundle, mode, prefix, connector or table";
  const { name: registered, revision, desired, reconnects, resumes, history } = value as Partial<Registration>;
  if (registered !== name) return `its registration is that of ${JSON.stringify(registered)}`;
  if (![revision, reconnects, resumes].every(Number.isSafeInteger)) return "its registration has no revision";
  if (desired !== "active" && desired !== "paused") return "its registration does not say whether it is active";
  if (!Array.isArray(history) || !history.every(isVersion)) return "its registration's history is not valid";
  return undefined;
}

/** Whether a value has everything that a `Version` must have. */
export function isVersion(value: unknown): value is Version {
  if (typeof value !== "object" || value === null) return false;
  const { version, sha256, deployedAt, mode, keysPrefix, connector, table, signature, signer } =
    value as Partial<Version>;
  const texts = [version, deployedAt, keysPrefix, connector, table];
  if (!texts.every((text) => typeof text === "string")) return false;
  if (![signature, signer].every((text) => text === undefined || typeof text === "string")) return false;
  return (
    typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256) && (mode === "write-behind" || mode === "write-through")
  );
}

/** Reads a status; undefined where it cannot be understood. The runner rewrites it within a second. */
export function parseStatus(text: string): Status | undefined {
  try {
    const value = JSON.parse(text) as Partial<Status> | null;
    const valid =
      typeof value?.state === "string" && typeof value.beat === "number" && typeof value.version === "string";
    return valid ? (value as Status) : undefined;
  } catch {
    return undefined;
  }
}
