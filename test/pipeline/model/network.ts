/** Everything that a runner waits for: it happens, gets lost or takes long, as the schedule says. */
import type { Chance } from "./chance.js";

interface Call {
  /** Does it where it is done. Undefined: it has been done, and the answer is on its way. */
  act: (() => unknown) | undefined;
  /** Gives the answer. */
  answer: () => void;
  readonly lose: (error: Error) => void;
}

export class ConnectionLost extends Error {}

/** The calls of one process to the world outside. */
export class Network {
  readonly #chance: Chance;
  #calls: Call[] = [];
  /** How often a call gets lost, half of them after it was carried out. */
  readonly #trouble: () => number;

  constructor(chance: Chance, trouble: () => number) {
    this.#chance = chance;
    this.#trouble = trouble;
  }

  get isQuiet(): boolean {
    return this.#calls.length === 0;
  }

  /** Resolves to what `act` returns, when the schedule comes to it. */
  call<T>(act: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const call: Call = {
        act: () => {
          try {
            const result = act();
            call.answer = () => resolve(result);
          } catch (error) {
            const failure = error instanceof Error ? error : new Error(String(error));
            call.answer = () => reject(failure);
          }
        },
        answer: () => undefined,
        lose: reject,
      };
      this.#calls.push(call);
    });
  }

  /** One of the calls goes a step further. */
  step(): void {
    const call = this.#chance.pick(this.#calls);
    if (this.#chance.happens(this.#trouble())) this.#drop(call).lose(new ConnectionLost("the connection was lost"));
    else if (call.act) {
      call.act();
      call.act = undefined;
    } else this.#drop(call).answer();
  }

  /** The process is gone. What it has sent may still be carried out. */
  cut(): void {
    for (const { act } of this.#calls) if (this.#chance.happens(0.3)) act?.();
    this.#calls = [];
  }

  #drop(call: Call): Call {
    this.#calls = this.#calls.filter((other) => other !== call);
    return call;
  }
}
