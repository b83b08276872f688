/** A way to a server on which answers can be held back from a certain word of the client's on: it was carried out, and nobody knows. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface DeafProxy {
  readonly port: number;
  /** From the next time that a client says this, the server's answers to it are lost; undefined: they come through again. */
  lose(word: string | undefined): void;
  close(): Promise<void>;
}

/** Listens on a free port, and passes on what it hears to this one. */
export async function startDeafProxy(to: number): Promise<DeafProxy> {
  let word: string | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    let isLost = false;
    client.on("data", (chunk) => {
      isLost ||= word !== undefined && chunk.includes(word);
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => void (isLost || client.write(chunk)));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => (sockets.delete(socket), other.destroy()));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    lose: (said) => (word = said),
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
