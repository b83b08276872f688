/** Writes hashes as fast as Redis takes them: a raw connection, thousands of commands at a time. */
import { once } from "node:events";
import { connect } from "node:net";

export interface FloodOptions {
  readonly port: number;
  readonly count: number;
  readonly keys: number;
}

const CHUNK = 1000;

/** Resolves when Redis has answered every write. */
export async function flood({ port, count, keys }: FloodOptions): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  let answered = 0;
  const done = new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.on("data", (data) => {
      // Every answer is one line, ":<number>".
      for (const byte of data) if (byte === 10) answered++;
      if (answered >= count) resolve();
    });
  });
  for (let from = 0; from < count; from += CHUNK) {
    let text = "";
    for (let i = from; i < Math.min(count, from + CHUNK); i++) text += command(i, keys);
    if (!socket.write(text)) await Promise.race([once(socket, "drain"), done]);
  }
  await done;
  socket.destroy();
}

function command(i: number, keys: number): string {
  const [id, v] = [String(i % keys), String(i)];
  const fields = ["first_name", `First${v}`, "last_name", `Last${i % 1000}`, "age", String(i % 100), "v", v];
  return `*10\r\n$4\r\nHSET\r\n${bulk(`person:${id}`)}${fields.map(bulk).join("")}`;
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
