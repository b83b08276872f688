/** A socket to a Redis server, plain or with TLS. */
import net from "node:net";
import tls from "node:tls";

export interface Destination {
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly tls?: tls.ConnectionOptions | undefined;
}

/** Begins to connect. `more`: options of the socket. */
export function openSocket(to: Destination, more: { readonly readableHighWaterMark?: number } = {}): net.Socket {
  const { path, host = "127.0.0.1", port = 6379, tls: secure } = to;
  const where = { ...more, ...(path === undefined ? { host, port } : { path }) };
  if (!secure) return net.connect(where);
  // TLS has names for servers, and none for addresses (RFC 6066, section 3); the certificate is compared with either.
  const servername = net.isIP(host) === 0 ? { servername: host } : {};
  return tls.connect({ ...where, ...servername, ...secure });
}
