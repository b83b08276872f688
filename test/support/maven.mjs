/**
 * Jars from Maven Central, through Maven, kept in a cache for the next run. By hand:
 *
 *     node test/support/maven.mjs org.apache.cassandra:cassandra-all:5.0.6
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Java's major version, or undefined where there is none. */
export function javaVersion() {
  const { status, stderr } = spawnSync("java", ["-version"], { encoding: "utf8" });
  const [, major, minor] = /version "(\d+)(?:\.(\d+))?/.exec(stderr ?? "") ?? [];
  if (status !== 0 || major === undefined) return undefined;
  // Java 8 called itself 1.8.
  return Number(major === "1" ? minor : major);
}

/** What is missing to run a Java server of these versions, with the command that brings it; undefined: nothing. */
export function missingForJava(versions) {
  const found = javaVersion();
  if (found === undefined)
    return `Java ${versions.join(" or ")} is not installed: sudo apt-get install -y openjdk-17-jre-headless`;
  if (!versions.includes(found))
    return `Java ${found} is installed, and Java ${versions.join(" or ")} is needed: sudo apt-get install -y openjdk-17-jre-headless`;
  return undefined;
}

/** The folder of an artifact's jar and of every jar that it needs. `artifact` is "group:name:version". */
export async function mavenJars(artifact) {
  const [groupId, artifactId, version] = artifact.split(":");
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "wbsync", "maven");
  const folder = join(cache, `${artifactId}-${version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  // Into a folder of its own first: several processes may want the same, and an interrupted download must not count.
  const work = mkdtempSync(join(cache, "work-"));
  try {
    writeFileSync(join(work, "pom.xml"), pom(groupId, artifactId, version));
    await copyDependencies(work, artifact);
    rename(join(work, "jars"), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

/** The class path of a folder of jars. */
export function classPath(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".jar"))
    .map((name) => join(folder, name))
    .join(delimiter);
}

async function copyDependencies(work, artifact) {
  const goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${join(work, "jars")}`];
  const { code, output } = await run("mvn", ["-q", "-B", "-f", join(work, "pom.xml"), ...goal]);
  if (code === undefined) throw new Error("Maven is not installed: sudo apt-get install -y maven");
  if (code !== 0 || !existsSync(join(work, "jars"))) {
    throw new Error(`Maven could not get ${artifact}:\n${output.trim().split("\n").slice(-8).join("\n")}`);
  }
}

/** Runs a command to its end; the code is undefined where there is no such command. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    child.once("error", () => resolve({ code: undefined, output }));
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

function rename(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    // Another process was faster; its jars are the same.
    if (!existsSync(to)) throw error;
  }
}

const pom = (groupId, artifactId, version) => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>wbsync.test</groupId><artifactId>jars</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const artifact of process.argv.slice(2)) console.log(await mavenJars(artifact));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
