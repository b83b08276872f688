/** /healthz, /readyz and /metrics for whatever watches over the runner. */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { UserError } from "../errors.js";
import type { Logger } from "./logger.js";
import type { Observation } from "./observation.js";

export interface HttpServer {
  close(): Promise<void>;
}

/** Serves until closed. `UserError` USAGE where the port is taken. */
export async function serveHttp(port: number, observe: () => Observation, log: Logger): Promise<HttpServer> {
  const server = createServer((request, response) => {
    answer(request.url ?? "/", observe()).then(
      ({ code, type, body }) => response.writeHead(code, { "content-type": type }).end(body),
      (error: unknown) => {
        log.warn({ err: error }, "an HTTP request failed");
        response.writeHead(500).end();
      },
    );
  });
  server.listen(port);
  try {
    await once(server, "listening");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UserError("USAGE", `--http ${port}: the port cannot be opened (${code ?? String(cause)})`, {
      hint: "Another process uses it. Choose another port.",
      cause,
    });
  }
  return { close: () => closeServer(server) };
}

interface Answer {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}

async function answer(url: string, { recipes, hasBegun, missing }: Observation): Promise<Answer> {
  switch (url.split("?")[0]) {
    case "/healthz":
      return json(200, { status: "ok" });
    case "/readyz": {
      const slow = recipes.filter(({ isReady }) => !isReady).map(({ name, state }) => ({ name, state }));
      const waiting = [...slow, ...missing.map((name) => ({ name, state: "missing" }))];
      const ready = hasBegun && waiting.length === 0;
      return json(ready ? 200 : 503, { ready, recipes: recipes.length, waiting });
    }
    case "/metrics": {
      const { renderMetrics } = await import("./metrics.js");
      return { code: 200, ...(await renderMetrics(recipes)) };
    }
    default:
      return json(404, { error: "not found: there are /healthz, /readyz and /metrics" });
  }
}

function json(code: number, value: unknown): Answer {
  return { code, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

async function closeServer(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, "close");
}
