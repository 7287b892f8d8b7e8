// Verifies tokens as an ordinary Node.js service would: with the `jose` package, from the
// published key set (createRemoteJWKSet) or, for HS algorithms, with the shared secret.
//
//   target/tools/venv/bin/node tests/interop/verify.mjs < requests
//
// One JSON object a line on standard input:
//   {"token", "issuer", "audience", "algorithm", "jwks_uri" or "secret"}
// One JSON object a line on standard output, in the same order:
//   {"accepted": true, "claims": {…}}    or    {"accepted": false, "error": "ERR_…: …"}
// Status 0 whatever the verdicts; 1 if there was none, because a key set could not be fetched or a
// request made no sense: the reason is on standard error. verify.py does the same with PyJWT.
//
// The last character of a part of the token may carry unused bits: to see a changed token refused
// by every library, change another one.

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

// scripts/setup puts the package under target/tools, where a script here would not look for it.
const installed = fileURLToPath(new URL('../../target/tools/node/package.json', import.meta.url))
const jose = await import(pathToFileURL(createRequire(installed).resolve('jose')))

const keySets = new Map()

function keySet(uri) {
  if (!keySets.has(uri)) keySets.set(uri, jose.createRemoteJWKSet(new URL(uri)))
  return keySets.get(uri)
}

async function verdict({ token, issuer, audience, algorithm, jwks_uri, secret }) {
  const key = jwks_uri ? keySet(jwks_uri) : new TextEncoder().encode(secret)
  const expected = { issuer, audience, typ: 'at+jwt', algorithms: [algorithm] }
  try {
    const { payload } = await jose.jwtVerify(token, key, expected)
    return { accepted: true, claims: payload }
  } catch (error) {
    // No key set, no verdict.
    const refused = error instanceof jose.errors.JOSEError
    if (!refused || ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'].includes(error.code)) throw error
    return { accepted: false, error: `${error.code}: ${error.message}` }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await verdict(JSON.parse(line))))
}
