/** A replica that reads the stream and throws it away: what any capture by replication costs Redis at least. */
import { once } from "node:events";
import { connect } from "node:net";
import { serve } from "./worker.js";

export interface ReplicaJob {
  readonly port: number;
}

/** Redis begins to send only after an acknowledgement that came when the replica was online. */
const ACK_EVERY_MS = 100;

serve(async ({ port }: ReplicaJob): Promise<void> => {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  await once(socket, "connect");
  // No key in the dump. PSYNC is refused before the answer to this has been read.
  socket.write('REPLCONF capa eof capa psync2 rdb-filter-only ""\r\n');
  await once(socket, "data");
  socket.resume().write("PSYNC ? -1\r\n");
  setInterval(() => socket.write("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n"), ACK_EVERY_MS);
});
