import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { sha256 } from "../../src/recipe/sha256.js";
import { checkTrust, generateKeys, parsePublicKey, sign, verify, type Trust } from "../../src/registry/signature.js";
import { loadTrust } from "../../src/registry/trust.js";
import { tempDir } from "../support/process.js";

const CODE = "the code";
const version = { name: "people", version: "1.0.0", sha256: sha256(CODE) };
const ours = generateKeys();
const theirs = generateKeys();
const trust: Trust = new Map([[parsePublicKey(ours.publicKey), "ours.pem"]]);

test("what a trusted key signed may run", () => {
  const signature = sign(ours.privateKey, version);
  assert.ok(verify(signature, version));
  assert.equal(checkTrust({ ...version, ...signature }, CODE, trust), undefined);
});

test("what is unsigned, changed, or signed by another is refused with the reason", () => {
  const signature = sign(ours.privateKey, version);
  const signed = { ...version, ...signature };
  assert.match(checkTrust(version, CODE, trust)!, /version 1\.0\.0 of recipe "people" is not signed/);
  assert.match(checkTrust(signed, "evil code", trust)!, /was changed/);
  assert.match(
    checkTrust({ ...version, ...sign(theirs.privateKey, version) }, CODE, trust)!,
    /key that is not trusted/,
  );
  for (const changed of [{ name: "other" }, { version: "1.0.1" }, { signature: "AAAA" }]) {
    assert.match(checkTrust({ ...signed, ...changed }, CODE, trust)!, /does not match/);
  }
  const evil = { ...signed, sha256: sha256("evil code") };
  assert.match(checkTrust(evil, "evil code", trust)!, /does not match/);
});

test("parts cannot be moved from one to the next without breaking the signature", () => {
  const signature = sign(ours.privateKey, { name: "ab", version: "c", sha256: "d" });
  assert.ok(!verify(signature, { name: "a", version: "bc", sha256: "d" }));
  assert.ok(!verify(signature, { name: "ab", version: "cd", sha256: "" }));
});

test("nonsense for a signature or a signer is no valid signature, and no crash", () => {
  const { signer } = sign(ours.privateKey, version);
  assert.ok(!verify({ signature: "%%%", signer }, version));
  assert.ok(!verify({ signature: "AAAA", signer: "nonsense" }, version));
});

test("keys to trust come from a file or a folder", async () => {
  const folder = tempDir("wbsync-trust");
  writeFileSync(join(folder, "a.pem"), ours.publicKey);
  writeFileSync(join(folder, "b.pub"), ours.publicKey + theirs.publicKey);
  writeFileSync(join(folder, "notes.txt"), "not a key");
  assert.equal((await loadTrust(join(folder, "a.pem"))).size, 1);
  const all = await loadTrust(folder);
  assert.deepEqual(new Set(all.keys()), new Set([parsePublicKey(ours.publicKey), parsePublicKey(theirs.publicKey)]));
});

test("what is no public key is refused, a private one above all", async () => {
  const folder = tempDir("wbsync-trust");
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ type: "spki", format: "pem" });
  mkdirSync(join(folder, "empty"));
  writeFileSync(join(folder, "private.pem"), ours.privateKey);
  writeFileSync(join(folder, "rsa.pem"), rsa);
  writeFileSync(join(folder, "text.pem"), "hello");
  const expected: readonly [string, RegExp][] = [
    ["private.pem", /This is a private key/],
    ["rsa.pem", /got one of type rsa/],
    ["text.pem", /holds no public key/],
    ["none.pem", /cannot be read: ENOENT/],
    ["empty", /holds no \.pem or \.pub file/],
  ];
  for (const [name, message] of expected) {
    await assert.rejects(loadTrust(join(folder, name)), (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.code, "UNTRUSTED");
      assert.match(error.message, message);
      return true;
    });
  }
});

test("a public key does not sign", () => {
  assert.throws(() => sign(ours.publicKey, version), /An Ed25519 private key in PEM is expected/);
});
