/** A private MySQL, from Debian's unstable release (see debian.ts): other releases have MariaDB in its place. */
import { join } from "node:path";
import { debianFolder } from "./debian.js";
import { type MariadbServer, type MysqlProduct, startMariadb } from "./mariadb.js";

const MYSQLD = "usr/sbin/mysqld";
const MYSQL = { name: "mysql", packages: ["mysql-server-core"], programs: [MYSQLD] };

/** What is missing to run it; undefined: nothing. Downloads it the first time. */
export async function missingForMysql(): Promise<string | undefined> {
  try {
    await debianFolder(MYSQL);
    return undefined;
  } catch (error) {
    return `MySQL could not be had from Debian: ${(error as Error).message.slice(0, 500)}`;
  }
}

/** Starts one; `args` are further options of mysqld. */
export async function startMysql(args: readonly string[] = []): Promise<MariadbServer> {
  return await startMariadb(args, productIn(await debianFolder(MYSQL)));
}

function productIn(folder: string): MysqlProduct {
  const command = join(folder, MYSQLD);
  const share = join(folder, "usr/share/mysql");
  const paths = [
    ...[`--lc-messages-dir=${share}`, `--character-sets-dir=${join(share, "charsets")}`],
    `--plugin-dir=${join(folder, "usr/lib/mysql/plugin")}`,
  ];
  return {
    command,
    args: [...paths, "--innodb-redo-log-capacity=96M", "--mysqlx=OFF", "--secure-file-priv=NULL"],
    install: (data) => [command, "--no-defaults", `--datadir=${data}`, ...paths, "--initialize-insecure"],
  };
}
