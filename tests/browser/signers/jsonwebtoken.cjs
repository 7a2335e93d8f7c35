// Signs what standard input asks for, by the jsonwebtoken of the folder in
// argv[2].
const { readFileSync } = require("node:fs");
const jwt = require(process.argv[2] + "/jsonwebtoken");

// As the library's users write it: times from now, and an option for each
// claim.
function byCalls({ alg, key, header, claims, seconds }) {
  const { iss, aud, ...others } = claims;
  return jwt.sign(others, key, { algorithm: alg, header, subject: "42",
    jwtid: "1", expiresIn: seconds, notBefore: "-5s",
    ...(iss && { issuer: iss }),
    ...(aud && { audience: [aud, "https://other.example"] }) });
}

const shapes = {
  calls: byCalls,
  claims: ({ alg, key, header, claims }) =>
    jwt.sign(claims, key, { algorithm: alg, header }),
  text: ({ alg, key, header, claims }) =>
    jwt.sign(JSON.stringify(claims), key, { algorithm: alg, header }),
  unsigned: ({ claims }) => jwt.sign(claims, "", { algorithm: "none" }),
};

console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(
  (job) => shapes[job.shape](job))));
