/**
 * One recipe in this runner, from its registration to its end: loads the code, keeps a pipeline running, hands over to a newer
 * version, and says how it fares.
 *
 *     registration ─▶ load ─▶ open ─▶ start ─▶ run ─┬─ newer version is open: end at a batch, hand the buffer over
 *          ▲            │       │                   ├─ halted: wait for a person, or try again
 *          └────────────┴───────┴─ failing, wait ◀──┼─ overtaken: stand by until the other is gone
 *                                                   └─ ended
 */
import { setTimeout as sleep } from "node:timers/promises";
import { explain, HaltedError, messageOf, SupersededError, WbsyncError } from "../errors.js";
import type { Logger } from "../observe/logger.js";
import type { Recipe } from "../recipe/recipe.js";
import type { Retries } from "../registry/dead-letters.js";
import type { Registration, State, Status } from "../registry/types.js";
import { Backoff } from "../backoff.js";
import { type HolderOptions, isHeld, untilReleased } from "./holder.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import { Reports } from "./reports.js";
import { Succession } from "./succession.js";

/** What a task asks of its runner. */
export interface TaskEnvironment {
  readonly runner: string;
  readonly log: Logger;
  /** The registered code, checked; with the recipe of that name in it. */
  load(registration: Registration): Promise<Recipe>;
  makePipeline(recipe: Recipe, log: Logger, onChange: () => void): Pipeline;
  report(name: string, status: Status): Promise<void>;
  /** What was reported last for this recipe, by whichever runner. */
  lastReport(name: string): Promise<Status | undefined>;
  /** Keys whose dead letters are to be tried again; they are asked for until `done` is called. */
  retries(name: string): Promise<Retries>;
  /** Until it is released, nobody is told by WAIT that a write is in every table. */
  hold(task: object): void;
  release(task: object): void;
}

const DRAIN_TIMEOUT_MS = 25_000;
/** As long as a timer can be set to: 25 days. */
const FOR_EVER_MS = 2 ** 31 - 1;

export class RecipeTask {
  readonly #environment: TaskEnvironment;
  readonly #log: Logger;
  readonly #reports: Reports;
  readonly #stopped = new AbortController();
  readonly #backoff = new Backoff({ maxMs: 10_000 });
  #registration: Registration;
  /** The registration that the pipeline carries out. */
  #applied: Registration;
  /** What has worked here: it goes on where what people want cannot start. */
  #worked: Registration | undefined;
  #pipeline: Pipeline | undefined;
  readonly #succession: Succession;
  #refused: Status["refused"];
  #isEnding = false;
  #isRunning = false;
  #isRetrying = false;
  /** Why it has stopped itself. */
  #halted: string | undefined;
  #nudge = new AbortController();

  constructor(registration: Registration, environment: TaskEnvironment) {
    this.#registration = registration;
    this.#applied = registration;
    this.#environment = environment;
    this.#log = environment.log.child({ recipe: registration.name });
    this.#reports = new Reports({
      log: this.#log,
      version: () => this.#applied.version,
      store: async () => await environment.report(this.name, this.status()),
    });
    this.#succession = new Succession({
      open: (wanted, signal) => this.#prepare(wanted, signal),
      onReady: () => {
        if (!this.#isEnding) this.#pipeline?.stopAtBoundary();
        this.#nudgeNow();
      },
      onRefused: (wanted, error) => this.#refuse(wanted, error),
      signal: this.#stopped.signal,
    });
  }

  get name(): string {
    return this.#registration.name;
  }

  /** What people want, as this task knows it. */
  get registration(): Registration {
    return this.#registration;
  }

  /** What it carries out: an older version, where the one that people want could not take over. */
  get applied(): Registration {
    return this.#applied;
  }

  get state(): State {
    return this.#reports.state;
  }

  /** Whether changes are being captured, or kept back on purpose by somebody. */
  get isReady(): boolean {
    return this.state === "standby" || (this.#pipeline?.status().capturing ?? false);
  }

  status(): Status {
    const at = this.#pipeline?.status();
    return {
      runner: this.#environment.runner,
      at: Date.now(),
      version: this.#applied.version,
      revision: this.#applied.revision,
      reconnects: this.#applied.reconnects,
      ...this.#reports.parts,
      ...(this.#refused && { refused: this.#refused }),
      capturing: at?.capturing ?? false,
      buffered: at?.buffered ?? 0,
      rows: at?.rows ?? 0,
      deletes: at?.deletes ?? 0,
      uncertainDeletes: at?.uncertainDeletes ?? 0,
      deadLetters: at?.deadLetters ?? 0,
      committedOffset: at && Number.isFinite(at.committedOffset) ? at.committedOffset : 0,
      capturedOffset: at?.capturedOffset ?? 0,
      ...(at?.scan && { snapshot: at.scan }),
    };
  }

  /** People want something else now. */
  update(registration: Registration): void {
    const before = this.#registration;
    if (registration.revision === before.revision && registration.sha256 === before.sha256) return;
    this.#registration = registration;
    const isOther = isOtherCode(registration, this.#applied);
    if (!isOther) this.#dropSuccessor();
    if (this.#pipeline && isOther) {
      this.#apply(asWanted(this.#applied, registration));
      void this.#succession.prepare(registration);
    } else if (this.#pipeline) this.#apply(registration);
    this.#nudgeNow();
  }

  /** Dead letters may be gone, or are to be tried again. */
  async mindLetters(): Promise<void> {
    const pipeline = this.#pipeline;
    if (!pipeline || this.state !== "running" || this.#isRetrying) return;
    await pipeline.reviewLetters();
    const retries = await this.#environment.retries(this.name);
    if (retries.keys.length === 0) return;
    this.#isRetrying = true;
    void this.#retry(pipeline, retries).finally(() => (this.#isRetrying = false));
  }

  /** They are in no stream: until they are carried, whoever comes after a restart has to find them where they are. */
  async #retry(pipeline: Pipeline, { keys, done }: Retries): Promise<void> {
    try {
      this.#log.info(`carrying ${keys.length} dead letter${keys.length === 1 ? "" : "s"} again`);
      // The table may have been mended: what the catalog says now is what counts.
      pipeline.reconnect();
      if (await pipeline.retry(keys)) await done();
    } catch (error) {
      this.#log.warn(`dead letters could not be carried again yet: ${messageOf(error)}`);
    }
  }

  /** Ends it: "drain" writes what is buffered first. */
  async stop(how: "drain" | "at the next batch"): Promise<void> {
    this.#isEnding = true;
    this.#succession.giveUp();
    const pipeline = this.#pipeline;
    if (pipeline && how === "drain" && this.#isRunning) {
      const tooLate = setTimeout(() => this.#giveUp(), DRAIN_TIMEOUT_MS);
      await pipeline.drain(this.#stopped.signal).catch(() => undefined);
      await this.#finished;
      clearTimeout(tooLate);
    } else pipeline?.stopAtBoundary();
    this.#stopped.abort();
    await this.#finished;
  }

  #giveUp(): void {
    const { buffered } = this.status();
    this.#log.warn(
      `${buffered} changed keys could not be written within ${DRAIN_TIMEOUT_MS / 1000} s. The position is stored: the next run carries them.`,
    );
    this.#stopped.abort();
  }

  #finish: () => void = () => {};
  #finished = Promise.resolve();

  /** Lives until it is stopped or the signal is aborted. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    this.#finished = new Promise((resolve) => (this.#finish = resolve));
    const either = AbortSignal.any([signal, this.#stopped.signal]);
    this.#reports.begin();
    try {
      while (!either.aborted && !(await this.#live(either)));
    } finally {
      this.#succession.giveUp();
      this.#environment.release(this);
      await this.#reports.end();
      this.#finish();
    }
  }

  /** From loading to the end, or to a failure that is waited out. True: it has ended in good order. */
  async #live(signal: AbortSignal): Promise<boolean> {
    try {
      this.#reports.counts = false;
      if (await isHeld(this.#holder(), signal)) await this.#standBy(signal);
      signal.throwIfAborted();
      this.#reports.counts = true;
      this.#environment.hold(this);
      this.#pipeline = await this.#open(signal);
      this.#catchUpWithWishes();
      await this.#pipeline.start(signal);
      this.#worked = this.#applied;
      this.#environment.release(this);
      return await this.#runAll(signal);
    } catch (error) {
      if (signal.aborted || (this.#isEnding && cannotDrain(error))) return true;
      // What it has buffered is in no table, and will not be when the pipeline is closed.
      this.#environment.hold(this);
      await this.#waitOut(error, signal);
      return false;
    } finally {
      await this.#closePipelines();
    }
  }

  async #closePipelines(): Promise<void> {
    const pipeline = this.#pipeline;
    this.#pipeline = undefined;
    await Promise.all([pipeline?.close(), this.#succession.close()]);
  }

  /** Opens the version that people want; where it cannot start, the one that has worked here before. */
  async #open(signal: AbortSignal): Promise<Pipeline> {
    const wanted = this.#registration;
    const worked = this.#worked && isOtherCode(wanted, this.#worked) ? asWanted(this.#worked, wanted) : undefined;
    // What is told from now on is of this version, and not of one that failed before it.
    if (!worked && wanted.revision !== this.#applied.revision) this.#begin(wanted);
    try {
      const pipeline = await this.#prepare(wanted, signal);
      this.#refused = undefined;
      this.#applied = wanted;
      return pipeline;
    } catch (error) {
      if (!worked || signal.aborted) throw error;
      this.#refuse(wanted, error);
      const pipeline = await this.#prepare(worked, signal);
      this.#applied = worked;
      return pipeline;
    }
  }

  #begin(registration: Registration): void {
    this.#applied = registration;
    this.#reports.become("starting");
  }

  /** People may have changed their mind while a version was opened, or what opened is not what they want. */
  #catchUpWithWishes(): void {
    const wanted = this.#registration;
    void this.#succession.close();
    if (!isOtherCode(wanted, this.#applied)) return this.#apply(wanted);
    this.#apply(asWanted(this.#applied, wanted));
    void this.#succession.prepare(wanted);
  }

  /** Runs pipeline after pipeline, each the successor of the one before. */
  async #runAll(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const pipeline = this.#pipeline as Pipeline;
      this.#follow();
      // It was opened while this one was starting.
      if (this.#succession.isReady) pipeline.stopAtBoundary();
      await this.#runOne(pipeline, signal);
      const successor = this.#isEnding ? undefined : this.#succession.take();
      if (!successor) return true;
      this.#log.info(`version ${successor.registration.version} takes over from ${this.#applied.version}`);
      this.#pipeline = successor.pipeline;
      this.#environment.hold(this);
      await successor.pipeline.start(signal, pipeline).finally(() => pipeline.close());
      this.#environment.release(this);
      this.#refused = undefined;
      this.#applied = this.#worked = successor.registration;
      this.#catchUpWithWishes();
    }
  }

  /** Runs one pipeline to its end, over every halt. */
  async #runOne(pipeline: Pipeline, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        this.#isRunning = true;
        return await pipeline.run(signal).finally(() => (this.#isRunning = false));
      } catch (error) {
        if (!(error instanceof HaltedError) || this.#isEnding) throw error;
        await this.#waitWhileHalted(error, signal);
        if (this.#succession.isReady) return;
        pipeline.reconnect();
        this.#follow();
      }
    }
  }

  /** Until a newer version is open, or it may go on: because somebody says so, or after a while. */
  async #waitWhileHalted(error: HaltedError, signal: AbortSignal): Promise<void> {
    const { resumes } = this.#registration;
    this.#halted = explain(error);
    this.#follow();
    const isOver = () => this.#succession.isReady || this.#registration.resumes !== resumes;
    if (error.next === "ask") while (!isOver() && !signal.aborted) await this.#sleep(FOR_EVER_MS, signal);
    else if (!isOver()) await this.#sleep(this.#backoff.next() + 1000, signal);
    this.#halted = undefined;
    signal.throwIfAborted();
  }

  async #prepare(registration: Registration, signal: AbortSignal): Promise<Pipeline> {
    const recipe = await this.#environment.load(registration);
    const pipeline = this.#environment.makePipeline(recipe, this.#log, () => this.#follow());
    await pipeline.open(signal);
    return pipeline;
  }

  #refuse({ version, revision }: Registration, error: unknown): void {
    const reason = explain(error);
    const isNews = this.#refused?.version !== version || this.#refused.reason !== reason;
    this.#refused = { version, revision, reason };
    const goesOn = this.#worked?.version ?? this.#applied.version;
    if (isNews) this.#log.error(`version ${version} cannot take over, ${goesOn} goes on: ${reason}`);
    this.#reports.soon();
  }

  /** People have gone back to the version that works. */
  #dropSuccessor(): void {
    this.#succession.giveUp();
    this.#refused = undefined;
  }

  /** Carries out what is not code: pause, resume, reconnect. */
  #apply(registration: Registration): void {
    const reconnect = registration.reconnects !== this.#applied.reconnects;
    const resume = registration.resumes !== this.#applied.resumes;
    this.#applied = registration;
    this.#pipeline?.setPaused(registration.desired === "paused");
    if (reconnect) this.#pipeline?.reconnect();
    if (resume) this.#pipeline?.resume();
    this.#follow();
  }

  /** Names the state after what the pipeline says. */
  #follow(): void {
    const at = this.#pipeline?.status();
    if (!at || this.#stopped.signal.aborted) return;
    if (this.#applied.desired === "paused" && !at.isWriting) return this.#reports.become("paused");
    if (this.#halted !== undefined) return this.#reports.become("halted", this.#halted);
    if (at.trouble !== undefined) return this.#reports.become("failing", at.trouble);
    if (!at.capturing) return this.#reports.become("starting");
    if (at.scan) this.#reports.showProgress(at.scan, at.rows);
    this.#backoff.reset();
    this.#reports.become(at.scan ? "snapshot" : "running");
  }

  async #waitOut(error: unknown, signal: AbortSignal): Promise<void> {
    if (error instanceof SupersededError) {
      await this.#closePipelines();
      return await this.#standBy(signal);
    }
    if (error instanceof HaltedError) this.#reports.become("halted", explain(error));
    else this.#reports.become("failing", explain(error));
    if (!(error instanceof WbsyncError) && this.#pipeline?.classify(error) === undefined)
      this.#log.debug({ err: error });
    await this.#sleep(this.#backoff.next(), signal);
  }

  /** Waits until the runner that executes it is gone. */
  async #standBy(signal: AbortSignal): Promise<void> {
    this.#reports.counts = false;
    this.#environment.release(this);
    this.#reports.become("standby", "another runner executes this recipe");
    await untilReleased(this.#holder(), signal);
  }

  #holder(): HolderOptions {
    const environment = this.#environment;
    return { runner: environment.runner, lastReport: () => environment.lastReport(this.name) };
  }

  /** Waits, but not on when people want something else. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.#nudge = new AbortController();
    await sleep(ms, undefined, { signal: AbortSignal.any([signal, this.#nudge.signal]) }).catch(() => undefined);
  }

  #nudgeNow(): void {
    this.#nudge.abort();
  }
}

/** What another runner has taken over, or nobody has allowed to go on, is left to the next run. */
function cannotDrain(error: unknown): boolean {
  return error instanceof SupersededError || error instanceof HaltedError;
}

function isOtherCode(one: Registration, other: Registration): boolean {
  return one.sha256 !== other.sha256 || one.version !== other.version;
}

/** An older version, with what people want of any: pausing and the like is for the one that works. */
function asWanted(version: Registration, { desired, reconnects, resumes, revision }: Registration): Registration {
  return { ...version, desired, reconnects, resumes, revision };
}
