/** A way to a server on which what a replica says to it can be held back or altered. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { RedisTarget } from "../../src/redis/target.js";
import type { RedisServer } from "../support/redis.js";

export interface Relay {
  /** The server, by this way. */
  readonly target: RedisTarget;
  /** Bytes that have come from the server. */
  readonly received: () => number;
  readonly close: () => void;
}

/** `pass` is given each piece of what a replica says, and returns what the server is to hear. */
export async function startRelay(
  server: RedisServer,
  pass: (said: string) => string | Promise<string>,
): Promise<Relay> {
  let received = 0;
  const sockets = new Set<Socket>();
  const relay = createServer((near) => {
    const far = connect(server.port, server.host);
    let passing = Promise.resolve();
    near.on("data", (chunk) => {
      passing = passing.then(async () => void far.write(Buffer.from(await pass(chunk.toString("latin1")), "latin1")));
    });
    far.on("data", (chunk) => {
      received += chunk.length;
      near.write(chunk);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("close", () => (sockets.delete(one), other.destroy()));
      one.on("error", () => other.destroy());
    }
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  return {
    target: { ...server.target, port: (relay.address() as AddressInfo).port },
    received: () => received,
    close: () => {
      relay.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
