/** Who signed a version: Ed25519 over name, version and bundle. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  verify as verifyBytes,
} from "node:crypto";
import type { KeyObject } from "node:crypto";
import { messageOf, UserError } from "../errors.js";
import { sha256 } from "../recipe/sha256.js";
import type { NamedVersion } from "./change.js";

/** What is signed. */
export type Signable = Pick<NamedVersion, "name" | "version" | "sha256">;

/** What a signature adds to a version. */
export interface Signature {
  /** Ed25519, base64. */
  readonly signature: string;
  /** The signer's public key, base64 SPKI (DER). */
  readonly signer: string;
}

/** Public keys that are trusted, as `Signature.signer` writes them, with the file that each came from. */
export type Trust = ReadonlyMap<string, string>;

/** A new pair of keys, as PEM. */
export function generateKeys(): { readonly publicKey: string; readonly privateKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return { publicKey, privateKey };
}

/** Signs a version. Throws a `UserError` UNTRUSTED where the key is not an Ed25519 private key. */
export function sign(privateKeyPem: string, version: Signable): Signature {
  const key = readKey("private", () => createPrivateKey(privateKeyPem));
  const signature = signBytes(null, messageOfVersion(version), key).toString("base64");
  return { signature, signer: encodePublicKey(createPublicKey(key)) };
}

/** Whether a signature is that of this signer over this version. */
export function verify({ signature, signer }: Signature, version: Signable): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(signer, "base64"), type: "spki", format: "der" });
    if (key.asymmetricKeyType !== "ed25519") return false;
    return verifyBytes(null, messageOfVersion(version), key, Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}

/** Why a version and its bundle must not run, or undefined where a trusted key signed exactly them. */
export function checkTrust(version: Signable & Partial<Signature>, code: string, trust: Trust): string | undefined {
  const { signature, signer } = version;
  const what = `version ${version.version} of recipe "${version.name}"`;
  if (sha256(code) !== version.sha256)
    return `the bundle of ${what} was changed: its SHA-256 is not the registered one`;
  if (signature === undefined || signer === undefined)
    return `${what} is not signed, and this runner runs signed recipes only`;
  if (!trust.has(signer)) return `${what} is signed with a key that is not trusted here (${fingerprint(signer)})`;
  if (!verify({ signature, signer }, version))
    return `the signature of ${what} does not match: it was made for something else`;
  return undefined;
}

/** A short name for a public key. */
export function fingerprint(signer: string): string {
  return `SHA256:${sha256(signer).slice(0, 16)}`;
}

/** Reads a public key from PEM into the form that `Trust` holds. A private key is refused: it does not belong on a runner. */
export function parsePublicKey(pem: string): string {
  if (/PRIVATE KEY/.test(pem)) {
    throw new UserError("UNTRUSTED", "This is a private key, where a public one is expected.", {
      hint: "Keep private keys where deploys are made; a runner needs the public ones only.",
    });
  }
  return encodePublicKey(readKey("public", () => createPublicKey(pem)));
}

function readKey(kind: "public" | "private", read: () => KeyObject): KeyObject {
  let found: string;
  try {
    const key = read();
    if (key.asymmetricKeyType === "ed25519") return key;
    found = `one of type ${key.asymmetricKeyType}`;
  } catch (error) {
    found = `something else (${messageOf(error)})`;
  }
  throw new UserError("UNTRUSTED", `An Ed25519 ${kind} key in PEM is expected, got ${found}.`, {
    hint: 'Make a pair with "wbsync keys generate".',
  });
}

function encodePublicKey(key: KeyObject): string {
  return key.export({ type: "spki", format: "der" }).toString("base64");
}

/** Every part is preceded by its length, so that no two versions have the same message. */
function messageOfVersion({ name, version, sha256: hash }: Signable): Buffer {
  const parts = ["wbsync recipe signature 1", name, version, hash].map((part) => Buffer.from(part, "utf8"));
  return Buffer.concat(parts.flatMap((part) => [lengthOf(part), part]));
}

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return length;
}
