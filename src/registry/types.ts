/** What the registry holds: what people want (`Registration`) and what runners say is so (`Status`). */

/** One version of a recipe that was registered. */
export interface Version {
  readonly version: string;
  /** SHA-256 of the bundle, lower-case hex: the key in `wbsync:bundles`. */
  readonly sha256: string;
  /** When it was registered, ISO 8601. */
  readonly deployedAt: string;
  /** Ed25519 over name, version and bundle, base64; with the signer's public key, base64 SPKI. */
  readonly signature?: string;
  readonly signer?: string;
  readonly mode: "write-behind" | "write-through";
  readonly keysPrefix: string;
  readonly connector: string;
  readonly table: string;
}

/** A recipe as people want it to be. */
export interface Registration extends Version {
  readonly name: string;
  /** Grows with every change to this registration; a runner reports the revision that it has carried out. */
  readonly revision: number;
  readonly desired: "active" | "paused";
  /** Grows when running recipes are asked to connect afresh. */
  readonly reconnects: number;
  /** Grows when somebody says that a recipe may go on. */
  readonly resumes: number;
  /** The versions before this one, newest first, at most nine. */
  readonly history: readonly Version[];
}

export type State =
  /** connecting, reading checkpoints */
  | "starting"
  /** carrying keys that exist already; the stream is being captured as well */
  | "snapshot"
  /** capturing and writing */
  | "running"
  /** cannot write for the reason given; keeps its place and keeps trying */
  | "failing"
  /** stopped on purpose (onError "halt", delete breaker); waits for `wbsync resume` */
  | "halted"
  /** changes are kept, nothing is written */
  | "paused"
  /** another runner executes it */
  | "standby"
  /** its runner has ended in an orderly way */
  | "stopped";

/** What the runner that executes a recipe says of it. Rewritten at every change of state and every second. */
export interface Status {
  readonly runner: string;
  /** Increases with every rewrite: whoever sees it unchanged for ten seconds knows that the runner is gone. */
  readonly beat: number;
  /** Unix time in ms, by the runner's clock. */
  readonly at: number;
  /** When the state began, Unix time in ms. */
  readonly since: number;
  readonly version: string;
  readonly revision: number;
  readonly reconnects: number;
  readonly state: State;
  readonly reason?: string;
  /** What kind of error the reason is (`ErrorCode` in errors.ts), where it is known. */
  readonly code?: string;
  /** A version that was deployed but could not take over, and why; with the registration's revision that asked for it. */
  readonly refused?: {
    readonly version: string;
    readonly reason: string;
    readonly code?: string;
    readonly revision?: number;
  };
  /** The stream is being read for this recipe. */
  readonly capturing: boolean;
  /** Keys with changes that are not yet in the table. */
  readonly buffered: number;
  readonly rows: number;
  readonly deletes: number;
  /** Keys that went for a reason that nobody can tell. */
  readonly uncertainDeletes?: number;
  readonly deadLetters: number;
  /** Everything up to here is in the table. */
  readonly committedOffset: number;
  readonly capturedOffset: number;
  /** Keys found so far by the snapshot under way, and how many the server holds, under whatever prefix. */
  readonly snapshot?: { readonly scanned: number; readonly keys: number };
}
