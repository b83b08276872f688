/** What the runner needs of a recipe at work, whether it writes behind or through. */
import type { ErrorClass } from "../connectors/connector.js";
import type { Bytes } from "../model.js";
import type { Recipe } from "../recipe/recipe.js";
import type { ScanProgress } from "./snapshot.js";

/** What a pipeline tells of itself. */
export interface PipelineStatus {
  readonly capturing: boolean;
  /** It cannot write, and why. */
  readonly trouble: string | undefined;
  readonly scan: ScanProgress | undefined;
  /** A transaction is under way. */
  readonly isWriting: boolean;
  /** Keys that are not yet in the table. */
  readonly buffered: number;
  readonly rows: number;
  readonly deletes: number;
  /** Keys that went for a reason that nobody can tell; their rows followed `onUncertainDelete`. */
  readonly uncertainDeletes?: number;
  readonly deadLetters: number;
  readonly capturedOffset: number;
  readonly committedOffset: number;
}

export interface Pipeline {
  readonly recipe: Recipe;
  /** Connects to the database. Throws where it is not as the recipe needs it; then everything is closed again. */
  open(signal: AbortSignal): Promise<void>;
  classify(error: unknown): ErrorClass;
  /** Takes its place at the stream, or that of the version before it. */
  start(signal: AbortSignal, predecessor?: Pipeline): Promise<void>;
  /** Carries changes until it is ended. May be called again after it has thrown `HaltedError`. */
  run(signal: AbortSignal): Promise<void>;
  /** `run` ends after the batches under way. */
  stopAtBoundary(): void;
  /** `run` ends when everything that clients have written so far is written. */
  drain(signal: AbortSignal): Promise<void>;
  setPaused(isPaused: boolean): void;
  /** Connects to the database afresh before the next write. */
  reconnect(): void;
  /** A person says that it is right to go on. */
  resume(): void;
  /** People may have dropped dead letters. */
  reviewLetters(): Promise<void>;
  /** Carries keys again whose dead letters are to be retried; true once that is done. False: it has ended, or not begun. */
  retry(keys: readonly Bytes[]): Promise<boolean>;
  status(): PipelineStatus;
  close(): Promise<void>;
}
