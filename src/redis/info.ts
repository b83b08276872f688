/** `INFO` as names and values. */
export function parseInfo(text: string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) result[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return result;
}

/** Where a server's replication history stands. */
export interface ReplicationInfo {
  readonly replid: string;
  /** The history before the last fail-over or restart, valid up to and without `secondOffset`. */
  readonly replid2: string;
  readonly secondOffset: number;
  readonly offset: number;
  /** The first offset that the backlog can still send; Infinity where there is no backlog. */
  readonly firstByte: number;
  readonly role: string;
}

/** Reads the part of INFO that tells of replication. */
export function parseReplication(text: string): ReplicationInfo {
  const info = parseInfo(text);
  return {
    replid: info["master_replid"] ?? "",
    replid2: info["master_replid2"] ?? "",
    secondOffset: Number(info["second_repl_offset"] ?? -1),
    offset: Number(info["master_repl_offset"] ?? 0),
    firstByte: info["repl_backlog_active"] === "1" ? Number(info["repl_backlog_first_byte_offset"]) : Infinity,
    role: info["role"] ?? "",
  };
}
