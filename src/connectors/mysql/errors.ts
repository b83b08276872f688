/** What MySQL's and MariaDB's errors mean for a write. By number and SQLSTATE, never by text. */
import type { ErrorClass } from "../connector.js";

/** Errors that pass by themselves, though their SQLSTATE does not say so. */
const RETRY = new Set([
  1020, // record changed since last read
  1021, 1026, 1030, 1114, // disk full, write error, storage engine error, table full
  1037, 1038, 1041, // out of memory
  1040, 1203, 1226, // too many connections, of this user, of its resources
  1043, 1047, // bad handshake (the server is starting), node not ready (Galera)
  1053, 1077, 1079, // server shutdown
  1158, 1159, 1160, 1161, // network
  1180, 1181, 1182, 1192, // error during COMMIT, ROLLBACK, FLUSH
  1205, 1206, 1213, 1614, 1637, // lock wait time-out, lock table full, deadlock, too many transactions
  1290, 1792, 1836, // read-only server
  1243, 1412, 1461, 1615, // statement forgotten, table changed, too many statements, re-prepare
  1317, 1927, 1969, 3024, 4031, // query interrupted, connection killed, time-out, idle connection closed
  3100, 3101, 3168, // group replication
  9001, // ProxySQL: no server to connect to
]); // prettier-ignore

/** Errors of a row, though their SQLSTATE does not say so. */
const REJECT = new Set([
  1048, 1062, 1216, 1217, 1263, 1451, 1452, 1557, 1586, 1761, 1762, 1859, // NULL, duplicate, foreign keys
  1118, 1153, 1301, // row too large, packet too large
  1264, 1265, 1292, 1300, 1364, 1365, 1366, 1367, 1390, 1406, 1411, 1416, 1441, 1525, 1526, 1690, 1748, 3988, // values
  1242, 1644, // a trigger's own refusal
  1267, 1270, 1271, // a character that the column's character set lacks, in a comparison
  3140, 3141, 3146, 3156, 3157, 4036, 4037, 4038, // JSON
  3819, 4025, // CHECK constraints
]); // prettier-ignore

/** Numbers of the server that only a person can mend, though their SQLSTATE looks like a lost connection. */
const FATAL = new Set([1044, 1045, 1049, 1129, 1130, 1251, 1524, 1698, 1820, 1862, 3118, 4151]);

/** Codes of Node and of the driver for a connection that could not be made or was lost. */
const CONNECTION =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|ENOENT|EACCES|EADDR|ERR_STREAM|ERR_SOCKET|PROTOCOL_|HANDSHAKE_SSL)/;

interface MysqlError {
  readonly errno?: unknown;
  readonly code?: unknown;
  readonly sqlState?: unknown;
  readonly fatal?: unknown;
}

/** What to do about an error of the driver. */
export function classifyMysql(error: unknown): ErrorClass {
  const { errno, code, sqlState, fatal } = (error ?? {}) as MysqlError;
  if (typeof errno === "number" && errno > 0) {
    if (FATAL.has(errno)) return "fatal";
    if (RETRY.has(errno)) return "retry";
    if (REJECT.has(errno)) return "reject";
  }
  if (typeof sqlState === "string") {
    if (/^(08|40)/.test(sqlState)) return "retry";
    if (/^(22|23|44|45)/.test(sqlState)) return "reject";
    return "fatal";
  }
  if (typeof code === "string" && CONNECTION.test(code)) return "retry";
  return fatal === true ? "retry" : "fatal";
}

/** ER_DUP_ENTRY, ER_DUP_ENTRY_WITH_KEY_NAME. */
export const isDuplicate = (error: unknown): boolean => [1062, 1586].includes((error as { errno: number }).errno);

/** ER_NO_SUCH_TABLE. */
export const isMissingTable = (error: unknown): boolean => (error as { errno?: unknown }).errno === 1146;

/** ER_DATA_OUT_OF_RANGE: what the guard of an upsert raises, see dialect.ts. */
export const isOutOfRange = (error: unknown): boolean => (error as { errno?: unknown }).errno === 1690;

/** A column is compared with characters that its character set lacks; in MariaDB 1267 for one value, 1270 for two, 1271 for more, in MySQL 3988. */
export const isForeignText = (error: unknown): boolean =>
  [1267, 1270, 1271, 3988].includes((error as { errno: number }).errno);
