/** What Oracle's and its driver's errors mean for a write. By number, never by text. */
import { RefusedRowsError } from "../../errors.js";
import type { ErrorClass } from "../connector.js";

/** Errors of a row. */
const REJECT = new Set([
  1, 2290, 2291, 2292, 2359, // unique, CHECK, foreign keys
  1400, 1401, 1407, 1438, 1461, 1465, 1471, 12899, // NULL, too long, too large
  1426, 1428, 1476, 1481, 1489, 1722, 30926, // overflow, range, division, not a number, unstable set of rows
  1830, 1839, 1840, 1841, 1843, 1847, 1850, 1851, 1852, 1853, 1858, 1861, 1878, // dates
  1482, 12713, 12714, 22835, 22848, 24816, 29275, // character sets, LOBs
  14400, 14401, 14402, // no partition for the value
  40441, 40478, 40587, 40642, 40837, // JSON
  932, 22806, 40568, 40569, 42610, 61801, // values that do not convert
]); // prettier-ignore

/** Errors that pass by themselves. */
const RETRY = new Set([
  18, 19, 20, // too many sessions, processes
  28, 31, 51, 54, 60, 61, 69, 104, 1013, // killed, waits, deadlock, cancelled
  257, 376, 1033, 1034, 1035, 1089, 1090, 1092, 1109, 1110, // starting, stopping, archiver stuck
  600, 603, 604, 1041, 1012, 1002, 3113, 3114, 3135, 3136, 3150, // connection, session
  1115, 1555, 1562, 1628, 1631, 1632, 1650, 1651, 1652, 1653, 1654, 1658, 1688, 1691, 1692, 30036, // space, undo
  2049, 2396, 4020, 4021, 4030, 4031, 4061, 4068, 8103, 8176, 8177, 16000, 16456, // locks, memory, read-only standby
  12152, 12153, 12154, 12157, 12170, 12203, 12500, 12505, 12514, 12516, 12518, 12519, 12520, 12521, 12526, 12527, 12528,
  12537, 12541, 12543, 12545, 12547, 12560, 12570, 12571, 12583, 12592, 12637, 25408, 30006, 40300, 41869, // network, services
]); // prettier-ignore

/** The driver's own: connection closed or lost, not established, timed out. NJS-512 to 518: the connect string is wrong. */
const DRIVER_RETRY = new Set([3, 123, 500, 501, 503, 510, 511, 513, 518, 520, 521, 522, 530, 533]);

const CONNECTION = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/;

/** What to do about an error of the driver. */
export function classifyOracle(error: unknown): ErrorClass {
  const { prefix, number } = numberOf(error);
  if (prefix === "ORA") {
    if (REJECT.has(number)) return "reject";
    if (RETRY.has(number)) return "retry";
    // RAISE_APPLICATION_ERROR: a trigger's own refusal.
    return number >= 20_000 && number < 21_000 ? "reject" : "fatal";
  }
  if (prefix === "NJS" || prefix === "DPI") return DRIVER_RETRY.has(number) ? "retry" : "fatal";
  return CONNECTION.test(codeOf(error)) ? "retry" : "fatal";
}

/** ORA-00001, also as one of the rows of a batch. */
export function isDuplicate(error: unknown): boolean {
  if (error instanceof RefusedRowsError) return error.rows.every((row) => isDuplicate(row.error));
  const { prefix, number } = numberOf(error);
  return prefix === "ORA" && number === 1;
}

/** ORA-00942 */
export function isMissingTable(error: unknown): boolean {
  const { prefix, number } = numberOf(error);
  return prefix === "ORA" && number === 942;
}

/** "ORA-00001" is ORA and 1. */
function numberOf(error: unknown): { prefix: string; number: number } {
  const [, prefix = "", digits = "-1"] = /^(ORA|NJS|DPI)-(\d+)$/.exec(codeOf(error)) ?? [];
  return { prefix, number: Number(digits) };
}

function codeOf(error: unknown): string {
  const { code, errorNum } = (error ?? {}) as { code?: unknown; errorNum?: unknown };
  if (typeof code === "string") return code;
  // In the list of batch errors older drivers give the number alone.
  return typeof errorNum === "number" ? `ORA-${errorNum}` : "";
}
