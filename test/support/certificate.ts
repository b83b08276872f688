/** A self-signed certificate for "localhost", for tests of TLS. */
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** The certificate itself, which is its own authority. */
  readonly pem: string;
}

/** Makes one in the folder. Where `owner` is given and this process may, the key belongs to that user. */
export function makeCertificate(folder: string, owner?: string): Certificate {
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=DNS:localhost", "-keyout", keyFile, "-out", certFile],
    ],
    { stdio: "ignore" },
  );
  chmodSync(keyFile, 0o600);
  if (owner !== undefined && process.getuid?.() === 0) execFileSync("chown", ["-R", owner, folder]);
  return { certFile, keyFile, pem: readFileSync(certFile, "utf8") };
}
