/** Sends many requests, a limited number at a time. */

/** Bytes under way at a time, so that large values do not pile up in the server's memory. */
const MAX_BYTES = 8 << 20;

/** What a request costs. */
export interface Load {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Sends every item, no more than `maxRows` rows at a time: rows that wait in the server's queue keep the checkpoints waiting there
 * too. After the first failure no more are sent; that failure is thrown once all that are under way have ended, so that nothing
 * is sent behind the caller's back.
 */
export async function sendAll<T extends Load>(
  items: readonly T[],
  maxRows: number,
  send: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let [rows, bytes] = [0, 0];
  let failure: { readonly error: unknown } | undefined;
  // One item alone may be as large as it is.
  const fits = (item: T) => rows === 0 || (rows + item.rows <= maxRows && bytes + item.bytes <= MAX_BYTES);
  await new Promise<void>((resolve) => {
    const sendOne = async (item: T) => {
      try {
        await send(item);
      } catch (error) {
        failure ??= { error };
      }
      rows -= item.rows;
      bytes -= item.bytes;
      sendMore();
    };
    const sendMore = () => {
      for (let item = items[next]; item && !failure && fits(item); item = items[++next]) {
        rows += item.rows;
        bytes += item.bytes;
        void sendOne(item);
      }
      if (rows === 0) resolve();
    };
    sendMore();
  });
  if (failure) throw failure.error;
}
