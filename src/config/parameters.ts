/** Parameters that are kept beside the recipes: encrypted in Redis, read by `configGet`. */
import type { Redis } from "ioredis";
import { UserError } from "../errors.js";
import { suggest } from "../recipe/suggest.js";
import { PARAMETERS } from "../redis/keys.js";
import { seal, unseal, type Sealed } from "./encryption.js";
import { registerSecret } from "./secret.js";

export { generateSecretKey, parseSecretKey, readSecretKey } from "./encryption.js";
export { configGet, useParameters, type ParameterReader } from "./config-get.js";

/** A parameter without its value. */
export interface ParameterInfo {
  readonly name: string;
  /** When it was set, ISO 8601; undefined where what is stored cannot be read. */
  readonly setAt: string | undefined;
}

/** Stays in place of a value that was unset, so that `restore` does not bring it back. */
const UNSET = "";

/** The parameters in one Redis. Without a secret key they can be listed and unset only. */
export class Parameters {
  readonly #redis: Redis;
  readonly #key: Buffer | undefined;

  constructor(redis: Redis, secretKey?: Buffer) {
    this.#redis = redis;
    this.#key = secretKey;
  }

  /** Stores a value. Running recipes use it at their next connection attempt. */
  async set(name: string, value: string): Promise<void> {
    checkName(name);
    if (this.#key === undefined) {
      throw new UserError(
        "PARAMETER",
        `Parameter "${name}" was not stored: there is no secret key to encrypt it with.`,
        {
          hint: 'Make one with "wbsync config keygen" and give it, here and to the runner, as WBSYNC_SECRET_KEY or --secret-key-file.',
        },
      );
    }
    await this.#redis.hset(PARAMETERS, name, JSON.stringify(seal(this.#key, name, registerSecret(value))));
  }

  /** A value, or undefined where it is not set. `UserError` PARAMETER where it cannot be decrypted. */
  async get(name: string): Promise<string | undefined> {
    const text = await this.#redis.hget(PARAMETERS, name);
    if (text === null || text === UNSET) return undefined;
    const sealed = parse(text);
    if (sealed !== undefined) return registerSecret(unseal(this.#key, name, sealed));
    throw new UserError("PARAMETER", `Parameter "${name}" cannot be read: what Redis holds is no encrypted value.`, {
      hint: `Set it again with "wbsync config set ${name}".`,
    });
  }

  /** All names, in order. Values are never listed. */
  async list(): Promise<readonly ParameterInfo[]> {
    const stored = Object.entries(await this.#redis.hgetall(PARAMETERS)).filter(([, text]) => text !== UNSET);
    return stored
      .map(([name, text]) => ({ name, setAt: parse(text)?.setAt }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Removes a value. `UserError` NOT_FOUND where there is none. */
  async unset(name: string): Promise<void> {
    const before = await this.#redis.hget(PARAMETERS, name);
    if (before !== null && before !== UNSET) {
      await this.#redis.hset(PARAMETERS, name, UNSET);
      return;
    }
    const names = (await this.list()).map((parameter) => parameter.name);
    const meant = suggest(name, names);
    throw new UserError("NOT_FOUND", `There is no parameter "${name}".`, {
      hint: meant === undefined ? '"wbsync config list" shows all.' : `Did you mean "${meant}"?`,
    });
  }

  /** Everything as it is stored, still encrypted: what a runner remembers to `restore` it. */
  async backup(): Promise<ReadonlyMap<string, string>> {
    return new Map(Object.entries(await this.#redis.hgetall(PARAMETERS)));
  }

  /** Puts back what vanished (FLUSHALL, eviction), and nothing that was set or unset since. Returns how many came back. */
  async restore(backup: ReadonlyMap<string, string>): Promise<number> {
    if (backup.size === 0) return 0;
    const commands = this.#redis.multi();
    for (const [name, text] of backup) commands.hsetnx(PARAMETERS, name, text);
    let restored = 0;
    for (const [error, reply] of (await commands.exec()) ?? []) {
      if (error) throw error;
      restored += Number(reply);
    }
    return restored;
  }
}

function checkName(name: string): void {
  if (/^[A-Za-z_][\w.-]{0,127}$/.test(name)) return;
  throw new UserError("USAGE", `A parameter's name must be letters, digits and ". _ -", got ${JSON.stringify(name)}.`);
}

function parse(text: string): Sealed | undefined {
  try {
    const sealed = JSON.parse(text) as Partial<Sealed> | null;
    const texts = [sealed?.keyId, sealed?.iv, sealed?.tag, sealed?.data, sealed?.setAt];
    return sealed?.format === 1 && texts.every((part) => typeof part === "string") ? (sealed as Sealed) : undefined;
  } catch {
    return undefined;
  }
}
