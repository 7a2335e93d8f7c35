// Signs what standard input asks for, by the jose of the folder in argv[2].
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { resolve } = createRequire(process.argv[2] + "/");
const jose = await import(pathToFileURL(resolve("jose")));
const bytes = (text) => new TextEncoder().encode(text);

const keyOf = (job) => job.alg.startsWith("HS") ? bytes(job.key)
  : jose.importPKCS8(job.key, job.alg);

// As the library's users write it: times from now, and a call for each claim.
async function byCalls({ alg, header, claims, seconds, ...job }) {
  const { iss, aud, ...others } = claims;
  const token = new jose.SignJWT(others)
    .setProtectedHeader({ alg, ...header }).setIssuedAt()
    .setNotBefore("-5s").setExpirationTime(`${seconds}s`)
    .setJti("1").setSubject("42");
  if (iss) token.setIssuer(iss);
  if (aud) token.setAudience([aud, "https://other.example"]);
  return token.sign(await keyOf({ alg, ...job }));
}

const shapes = {
  calls: byCalls,
  claims: async (job) => new jose.SignJWT(job.claims)
    .setProtectedHeader({ alg: job.alg, ...job.header })
    .sign(await keyOf(job)),
  spaced: async (job) => new jose.CompactSign(
    bytes(JSON.stringify(job.claims, null, "\t") + "\r\n"))
    .setProtectedHeader({ alg: job.alg, ...job.header })
    .sign(await keyOf(job)),
  json: async (job) => JSON.stringify(
    await new jose.FlattenedSign(bytes(JSON.stringify(job.claims)))
      .setProtectedHeader({ alg: job.alg, ...job.header })
      .sign(await keyOf(job))),
  encrypted: async (job) => new jose.EncryptJWT(job.claims)
    .setProtectedHeader({ alg: "dir", enc: "A128CBC-HS256" })
    .encrypt(bytes(job.key).slice(0, 32)),
  unsigned: (job) => new jose.UnsecuredJWT(job.claims).encode(),
  jwk: async (job) => {
    const key = await jose.importSPKI(job.key, job.alg, { extractable: true });
    const jwk = await jose.exportJWK(key);
    return { ...jwk, kid: await jose.calculateJwkThumbprint(jwk),
      alg: job.alg, use: "sig" };
  },
};

const made = [];
for (const job of JSON.parse(readFileSync(0)))
  made.push(await shapes[job.shape](job));
console.log(JSON.stringify(made));
