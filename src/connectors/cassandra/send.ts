/** Sends many requests, a limited number at a time. */

/** Bytes under way at a time, so that large values do not pile up in the server's memory. */
const MAX_BYTES = 8 << 20;

/**
 * Sends every item. After the first failure no more are sent; that failure is thrown once all that are under way have ended,
 * so that nothing is sent behind the caller's back.
 */
export async function sendAll<T extends { readonly bytes: number }>(
  items: readonly T[],
  concurrency: number,
  send: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let bytes = 0;
  let failure: { readonly error: unknown } | undefined;
  const waiting: (() => void)[] = [];
  const worker = async () => {
    while (next < items.length && !failure) {
      const item = items[next++]!;
      // One item alone may be as large as it is.
      while (bytes > 0 && bytes + item.bytes > MAX_BYTES) await new Promise<void>((resolve) => waiting.push(resolve));
      if (failure) return;
      bytes += item.bytes;
      try {
        await send(item);
      } catch (error) {
        failure ??= { error };
      } finally {
        bytes -= item.bytes;
        for (const wake of waiting.splice(0)) wake();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  if (failure) throw failure.error;
}
