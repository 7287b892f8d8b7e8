// Node's `jose`, measured next to countersign-jose by `make bench`. bench/src/tokens/peer.rs says what is asked and
// answered: one JSON object a line, in and out.

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

// scripts/setup puts the package under target/tools, where a script here would not look for it.
const installed = fileURLToPath(new URL('../../target/tools/node/package.json', import.meta.url))
const jose = await import(pathToFileURL(createRequire(installed).resolve('jose')))

const TURN_MS = 1
const WARM_UP_MS = 300

/** What runs in a turn: { op, size }. */
let operations

// As a CryptoKey in every case: with the octets of a secret, `jose` would import them each time.
async function keys({ alg, jwk }) {
  if (jwk.kty === 'oct') {
    const wraps = alg.endsWith('KW') && !alg.endsWith('GCMKW')
    const [name, usages] = wraps ? ['AES-KW', ['wrapKey', 'unwrapKey']] : ['AES-GCM', ['encrypt', 'decrypt']]
    const secret = await crypto.subtle.importKey('raw', Buffer.from(jwk.k, 'base64url'), name, false, usages)
    return [secret, secret]
  }
  const { d, p, q, dp, dq, qi, ...open } = jwk
  return [await jose.importJWK(open, alg), await jose.importJWK(jwk, alg)]
}

async function repeat(op, times) {
  const start = performance.now()
  for (let i = 0; i < times; i++) await op()
  return performance.now() - start
}

async function prepare({ alg, enc, jwk, plaintext, token }) {
  const [to, own] = await keys({ alg, jwk })
  const header = { alg, enc, cty: 'JWT', kid: jwk.kid }
  const bytes = new TextEncoder().encode(plaintext)
  const ops = {
    encrypt: () => new jose.CompactEncrypt(bytes).setProtectedHeader(header).encrypt(to),
    decrypt: () => jose.compactDecrypt(token, own),
  }
  operations = {}
  for (const [name, op] of Object.entries(ops)) {
    const until = performance.now() + WARM_UP_MS
    while (performance.now() < until) await op()
    let size = 1
    while ((await repeat(op, size)) < TURN_MS) size *= 2
    operations[name] = { op, size }
  }
  return { token: await ops.encrypt() }
}

async function turn(name) {
  const { op, size } = operations[name]
  return { us: ((await repeat(op, size)) * 1000) / size }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  let answer
  try {
    answer = await (request.turn ? turn(request.turn) : prepare(request))
  } catch (error) {
    answer = { error: String(error) }
  }
  console.log(JSON.stringify(answer))
}
