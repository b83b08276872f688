/** Numbers about numbers. */

/** The value below which this part (0 to 1) of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const [low, high] = [sorted[Math.floor(at)] ?? NaN, sorted[Math.ceil(at)] ?? NaN];
  return low + (high - low) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The ratio of the round in the middle, with the two values of that round, which divide to it. */
export function middleRatio<R>(
  rounds: readonly R[],
  above: (round: R) => number,
  below: (round: R) => number,
): { readonly ratio: number; readonly above: number; readonly below: number } {
  const sorted = [...rounds].sort((one, other) => above(one) / below(one) - above(other) / below(other));
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error("there was no round");
  return { ratio: above(middle) / below(middle), above: above(middle), below: below(middle) };
}

/** The time of a clock that all processes of this machine share, in ms. */
export function clockMs(): number {
  return performance.timeOrigin + performance.now();
}

export function perSecond(count: number, ms: number): number {
  return (count / ms) * 1000;
}
