import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { forgetSecrets, redact, registerSecret } from "../../src/config/secret.js";

afterEach(forgetSecrets);

test("a known value is hidden wherever it stands", () => {
  registerSecret("s3cr3t/p@ss word");
  const shown = redact(
    'raw s3cr3t/p@ss word, url s3cr3t%2Fp%40ss%20word, lower s3cr3t%2fp%40ss%20word, form s3cr3t%2Fp%40ss+word, x{"p":"s3cr3t/p@ss word"}',
  );
  assert.equal(shown, 'raw [secret], url [secret], lower [secret], form [secret], x{"p":"[secret]"}');
});

test("a value with quotes and newlines is hidden in JSON too", () => {
  const value = registerSecret('line "one"\nline two');
  assert.equal(redact(JSON.stringify({ password: value })), '{"password":"[secret]"}');
});

test("a value that is part of another does not leave its rest behind", () => {
  registerSecret("hunter2");
  registerSecret("hunter2-and-more");
  assert.equal(redact("hunter2-and-more hunter2"), "[secret] [secret]");
});

test("characters that mean something in a pattern are taken literally", () => {
  registerSecret("a.b*c(d)[e]$");
  assert.equal(redact("a.b*c(d)[e]$ axbxc"), "[secret] axbxc");
});

test("a short value is hidden where it stands alone, and tears no word apart", () => {
  registerSecret("app");
  assert.equal(redact("user 'app' of the application"), "user '[secret]' of the application");
});

test("the password of any URL is hidden, known or not", () => {
  assert.equal(redact("cannot open mysql://app:hush@db:3306/test"), "cannot open mysql://app:[secret]@db:3306/test");
  assert.equal(redact("see https://example.com/a:b@c and 12:30"), "see https://example.com/a:b@c and 12:30");
});

test("without secrets a text stays as it is, and an empty value is no secret", () => {
  registerSecret("");
  assert.equal(redact("nothing to hide"), "nothing to hide");
  assert.equal(redact(""), "");
});
