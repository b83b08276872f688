/** Encrypts parameters with a key that only runner and operator have. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { messageOf, UserError } from "../errors.js";
import { registerSecret } from "./secret.js";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const IV_BYTES = 12;
const KEYGEN = 'Make a key with "wbsync config keygen" and give it as WBSYNC_SECRET_KEY or --secret-key-file.';

/** An encrypted value, as it is stored. */
export interface Sealed {
  readonly format: 1;
  /** Names the key without telling it, so that a wrong key is told from damage. */
  readonly keyId: string;
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
  /** When it was set, ISO 8601. */
  readonly setAt: string;
}

/** A new key: 32 random bytes, base64. */
export function generateSecretKey(): string {
  return randomBytes(KEY_BYTES).toString("base64");
}

/** Reads a key as `generateSecretKey` writes it. Throws a `UserError` PARAMETER that does not repeat it. */
export function parseSecretKey(text: string): Buffer {
  const trimmed = registerSecret(text.trim());
  const key = Buffer.from(trimmed, "base64");
  if (key.length === KEY_BYTES && /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return key;
  throw new UserError(
    "PARAMETER",
    `The secret key must be ${KEY_BYTES} bytes in base64 (44 characters), got ${trimmed.length}.`,
    {
      hint: KEYGEN,
    },
  );
}

/** The key from a file, or from WBSYNC_SECRET_KEY; undefined where there is neither. */
export async function readSecretKey(file?: string): Promise<Buffer | undefined> {
  if (file === undefined) {
    const text = process.env["WBSYNC_SECRET_KEY"];
    return text ? parseSecretKey(text) : undefined;
  }
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new UserError("PARAMETER", `The secret key cannot be read: ${messageOf(cause)}.`, { hint: KEYGEN, cause });
  });
  return parseSecretKey(text);
}

/** Encrypts the value of a parameter. The name is authenticated with it: a stored value cannot pass for another parameter's. */
export function seal(key: Buffer, name: string, value: string): Sealed {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, iv).setAAD(associatedData(name));
  const data = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]).toString("base64");
  const tag = cipher.getAuthTag().toString("base64");
  return { format: 1, keyId: keyId(key), iv: iv.toString("base64"), tag, data, setAt: new Date().toISOString() };
}

/** Decrypts what `seal` made. Throws a `UserError` PARAMETER where the key is missing or another, or the value was changed. */
export function unseal(key: Buffer | undefined, name: string, sealed: Sealed): string {
  if (key === undefined) {
    throw new UserError("PARAMETER", `Parameter "${name}" is encrypted, and there is no secret key here.`, {
      hint: "Give the key that it was set with as WBSYNC_SECRET_KEY or --secret-key-file.",
    });
  }
  if (sealed.keyId !== keyId(key)) {
    throw new UserError("PARAMETER", `Parameter "${name}" was encrypted with another secret key.`, {
      hint: `Give that key (it has the id ${sealed.keyId}, this one has ${keyId(key)}), or set the parameter again.`,
    });
  }
  try {
    const decipher = createDecipheriv(ALGORITHM, key, Buffer.from(sealed.iv, "base64"), { authTagLength: 16 });
    decipher.setAAD(associatedData(name)).setAuthTag(Buffer.from(sealed.tag, "base64"));
    return Buffer.concat([decipher.update(sealed.data, "base64"), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new UserError("PARAMETER", `Parameter "${name}" was changed in Redis: it cannot be decrypted.`, {
      hint: `Set it again with "wbsync config set ${name}".`,
      cause,
    });
  }
}

function associatedData(name: string): Buffer {
  return Buffer.from(`wbsync parameter 1\0${name}`, "utf8");
}

function keyId(key: Buffer): string {
  return createHash("sha256").update("wbsync key id\0").update(key).digest("hex").slice(0, 8);
}
