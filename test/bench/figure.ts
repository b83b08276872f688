/** What a measurement is, and what it found. */

export interface Size {
  readonly rounds: number;
  /** Rows of a round. */
  readonly rows: number;
  /** Writes of redis-benchmark a round. */
  readonly redisWrites: number;
  /** Writes of which the latency is measured, of each kind. */
  readonly latencies: number;
  readonly snapshotRows: number;
  /** Writes on 200,000 keys while the database is down. */
  readonly outageWrites: number;
}

export const FULL: Size = {
  ...{ rounds: 5, rows: 200_000, redisWrites: 1_000_000 },
  ...{ latencies: 1000, snapshotRows: 1_000_000, outageWrites: 5_000_000 },
};

export const QUICK: Size = {
  ...{ rounds: 3, rows: 100_000, redisWrites: 300_000 },
  ...{ latencies: 300, snapshotRows: 300_000, outageWrites: 2_000_000 },
};

export type Unit = "ratio" | "/s" | "ms" | "MB" | "bytes";

export interface Figure {
  /** What was measured. */
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** The numbers behind it, for people. */
  readonly detail?: string;
}

export interface MeasureOptions {
  readonly size: Size;
  readonly profileDir: string | undefined;
  /** Tells what goes on. */
  readonly say: (text: string) => void;
}

/** One measurement, which finds one or several figures. */
export interface Measurement {
  readonly name: string;
  /** The heading over its figures. */
  readonly title: string;
  measure(options: MeasureOptions): Promise<readonly Figure[]>;
}

/** 213000 as "213,000". */
export function thousands(number: number): string {
  return Math.round(number).toLocaleString("en");
}

export function isMet({ value, atLeast = -Infinity, atMost = Infinity }: Figure): boolean {
  return value >= atLeast && value <= atMost;
}
