/**
 * For `node --import`: notes what is imported, a URL a line, in the file WBSYNC_TEST_MODULES; what WBSYNC_TEST_MISSING names, with
 * spaces between, is not to be found, as if nobody had installed it.
 */
import { appendFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { register } from "node:module";

const { WBSYNC_TEST_MODULES: file, WBSYNC_TEST_MISSING: missing = "" } = process.env;

// The hooks run in a thread of their own, which loads this file again.
if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, next) {
  if (missing.split(" ").includes(specifier)) {
    throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: "ERR_MODULE_NOT_FOUND" });
  }
  const found = await next(specifier, context);
  if (file) appendFileSync(file, `${found.url}\n`);
  return found;
}
