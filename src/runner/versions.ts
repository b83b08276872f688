/** Which version of a recipe people want, which one is carried out, and which one has worked here. */
import { codeOf, explain } from "../errors.js";
import type { Registration, Status } from "../registry/types.js";

export class Versions {
  /** What people want. */
  wanted: Registration;
  /** What is carried out: an older version, where the one that people want could not take over. */
  applied: Registration;
  /** It goes on where what people want cannot start. */
  worked: Registration | undefined;
  /** What people want, and why it is not carried out. */
  refused: Status["refused"];

  constructor(registration: Registration) {
    this.wanted = registration;
    this.applied = registration;
  }

  /** Whether people want other code than what is carried out. */
  get isOutdated(): boolean {
    return isOtherCode(this.wanted, this.applied);
  }

  /** The version that is carried out, with what people want of any: pausing and the like is for the one that works. */
  get appliedAsWanted(): Registration {
    return asWanted(this.applied, this.wanted);
  }

  /** What to go back to where the version that people want cannot start. */
  get fallback(): Registration | undefined {
    return this.worked && isOtherCode(this.wanted, this.worked) ? asWanted(this.worked, this.wanted) : undefined;
  }

  /** People want this now. False: nothing new. */
  want(registration: Registration): boolean {
    const { revision, sha256 } = this.wanted;
    if (registration.revision === revision && registration.sha256 === sha256) return false;
    this.wanted = registration;
    return true;
  }

  /** This one has taken over. */
  succeed(registration: Registration): void {
    this.applied = this.worked = registration;
    this.refused = undefined;
  }

  /** This one could not. False: it was refused for the same before. */
  refuse({ version, revision }: Registration, error: unknown): boolean {
    const reason = explain(error);
    const code = codeOf(error);
    const isNews = this.refused?.version !== version || this.refused.reason !== reason;
    this.refused = { version, revision, reason, ...(code && { code }) };
    return isNews;
  }
}

function isOtherCode(one: Registration, other: Registration): boolean {
  return one.sha256 !== other.sha256 || one.version !== other.version;
}

function asWanted(version: Registration, { desired, reconnects, resumes, revision }: Registration): Registration {
  return { ...version, desired, reconnects, resumes, revision };
}
