/** `wbsync deploy`: checks a recipe's file, bundles it, and registers every recipe in it. */
import { Command, InvalidArgumentError } from "commander";
import type { Redis } from "ioredis";
import { UserError } from "../../errors.js";
import type { Recipe } from "../../recipe/recipe.js";
import type { DeployOutcome, NamedVersion } from "../../registry/change.js";
import type { Registry } from "../../registry/registry.js";
import type { Status } from "../../registry/types.js";
import { action, type Context } from "../context.js";
import { integer, jsonOption } from "../flags.js";
import { type Health, hasRunner, readHealth, waitForStatus } from "../health.js";
import { reportOutcomes } from "../outcomes.js";
import { say, warn } from "../output.js";
import { readUserFile } from "../read-file.js";

interface DeployOptions {
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean | number;
  readonly check: boolean;
  /** A file with a private key. */
  readonly sign?: string;
  readonly json?: boolean;
}

const WAIT_S = 60;

const EXAMPLES = `
Examples:
  wbsync deploy recipe.ts
  wbsync deploy recipe.ts --dry-run         what would change
  wbsync deploy recipe.ts --wait            returns when a runner has taken over`;

/** Declares the command. */
export function deployCommand(): Command {
  return new Command("deploy")
    .description("check, bundle and register the recipes of a file")
    .argument("<file>", "a TypeScript or JavaScript file that exports one recipe or several")
    .option("-f, --force", "also replace a version that is newer or the same")
    .option("--dry-run", "show what would change, and change nothing")
    .option("--wait [seconds]", `wait until a runner has taken over (default: ${WAIT_S})`, seconds)
    .option("--sign <key>", "sign with a private key: see wbsync keys generate")
    .option("--no-check", "do not check the types")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(action(deploy));
}

/** What follows --wait is taken for its seconds, also where it is the file. */
function seconds(text: string): number {
  if (!Number.isNaN(Number(text))) return integer(1, 86_400)(text);
  throw new InvalidArgumentError(`--wait takes seconds: write "wbsync deploy ${text} --wait", or --wait=${WAIT_S}.`);
}

async function deploy(context: Context, file: string, options: DeployOptions): Promise<void> {
  const { bundle, versions } = await build(file, options);
  const registry = await context.registry();
  const force = options.force ?? false;
  if (options.dryRun) return reportOutcomes(await dryRun(registry, versions, force), "would be", options.json);
  const outcomes = await registry.deploy(bundle, versions, { force });
  const redis = await context.registryRedis();
  await warnings(redis, options);
  if (options.wait !== undefined) await waitForAll(registry, redis, outcomes, options.wait);
  reportOutcomes(outcomes, "is", options.json);
}

interface Built {
  readonly bundle: { readonly code: string; readonly sha256: string };
  readonly versions: readonly NamedVersion[];
}

async function build(file: string, options: DeployOptions): Promise<Built> {
  if (options.check) {
    const { typeCheck } = await import("../../recipe/type-check.js");
    await typeCheck(file);
  }
  const { bundleRecipe } = await import("../../recipe/bundle.js");
  const { loadBundle } = await import("../../recipe/load.js");
  const bundle = await bundleRecipe(file);
  for (const warning of bundle.warnings) warn(warning);
  const deployedAt = new Date().toISOString();
  const versions = loadBundle(bundle.code, file).map((recipe) => versionOf(recipe, bundle.sha256, deployedAt));
  return { bundle, versions: options.sign === undefined ? versions : await signed(versions, options.sign) };
}

function versionOf(recipe: Recipe, sha256: string, deployedAt: string): NamedVersion {
  const { name, version, mode, keysPrefix, connector } = recipe;
  return { name, version, sha256, deployedAt, mode, keysPrefix, connector: connector.kind, table: connector.table };
}

async function signed(versions: readonly NamedVersion[], file: string): Promise<readonly NamedVersion[]> {
  const { sign } = await import("../../registry/signature.js");
  const key = await readUserFile(file, 'Give a private key, as "wbsync keys generate" makes it.');
  return versions.map((version) => ({ ...version, ...sign(key, version) }));
}

/** What would be refused is shown as a refusal, so that a pipeline stops here. */
async function dryRun(registry: Registry, versions: readonly NamedVersion[], force: boolean) {
  const outcomes = await registry.plan(versions, { force });
  if (!outcomes.some(({ action }) => action === "refused")) return outcomes;
  const { refusal } = await import("../../registry/change.js");
  throw refusal(outcomes);
}

async function warnings(redis: Redis, options: DeployOptions): Promise<void> {
  // Whoever may not ask is not warned; the recipe is deployed all the same.
  const memory = await redis.info("memory").catch(() => "");
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? "";
  if (policy.startsWith("allkeys-")) {
    warn(
      `maxmemory-policy is ${policy}: under memory pressure Redis may also evict what wbsync keeps in it. ` +
        "A running runner puts it back. Better: a volatile-* policy, or another Redis for it (--registry-url).",
    );
  }
  const isAlone = (await hasRunner(redis)) === false;
  if (isAlone && options.wait === undefined)
    warn("no runner is alive: nothing is carried until one is. Start: wbsync run");
  if (isAlone && options.wait !== undefined) say("No runner is alive yet. Waiting for one …");
}

async function waitForAll(
  registry: Registry,
  redis: Redis,
  outcomes: readonly DeployOutcome[],
  wait: number | boolean,
) {
  const timeoutMs = (typeof wait === "number" ? wait : WAIT_S) * 1000;
  const health = await readHealth(registry, redis);
  for (const outcome of outcomes) {
    const options = { name: outcome.name, what: `take over version ${outcome.version}`, timeoutMs };
    const before = health.get(outcome.name);
    await waitForStatus(registry, options, (status) =>
      isOfDead(status, before) ? undefined : hasTakenOver(status, outcome),
    );
  }
}

/** The last words of a runner that is gone tell nothing of what is. */
function isOfDead(status: Status | undefined, before: Health | undefined): boolean {
  if (!status || !before || before.alive) return false;
  return status.runner === before.status.runner && status.beat === before.status.beat;
}

/** True once the version runs; undefined as long as that is open. Throws where it would not. */
function hasTakenOver(status: Status | undefined, { name, version, revision }: DeployOutcome): true | undefined {
  if (status === undefined || status.state === "stopped") return undefined;
  const { refused } = status;
  if (refused?.version === version && (refused.revision ?? revision) >= revision) {
    const hint = `Version ${status.version} goes on. Correct the recipe and deploy it again.`;
    throw halted(refused, `Version ${version} of recipe "${name}" was refused`, hint);
  }
  if (status.revision < revision || status.version !== version || status.state === "starting") return undefined;
  if (status.state !== "failing" && status.state !== "halted") return true;
  const hint = "The recipe is registered, and its runner keeps trying. See wbsync list.";
  throw halted(status, `Version ${version} of recipe "${name}" is ${status.state}`, hint);
}

/** The exit code says whether it is for want of the database. */
function halted({ reason, code }: Pick<Status, "reason" | "code">, what: string, hint: string): UserError {
  const isUnreachable = code === "DATABASE_UNREACHABLE";
  return new UserError(isUnreachable ? code : "HALTED", `${what}: ${reason ?? "no reason was given"}`, { hint });
}
