// Makes and reads keys and tokens with the `jose` package, for the comparison with countersign-jose
// (crates/jose/tests/interop).
//
//   target/tools/venv/bin/node tests/interop/jose.mjs < tasks
//
// One JSON object a line on standard input, the task, whose name is in "do"; one a line on standard
// output, its outcome, or {"refused": "<error>"} for whatever reason. A key is {"jwk": {…}} or
// {"pem": "…", "kty": "…"}, private or public as the task needs it. jose.py does the same tasks.

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

// scripts/setup puts the package under target/tools, where a script here would not look for it.
const installed = fileURLToPath(new URL('../../target/tools/node/package.json', import.meta.url))
const jose = await import(pathToFileURL(createRequire(installed).resolve('jose')))

const bytes = (text) => new TextEncoder().encode(text)
const text = (bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes)

function read({ jwk, pem }, alg) {
  if (jwk) return jose.importJWK(jwk, alg, { extractable: true })
  const read = pem.includes('PRIVATE') ? jose.importPKCS8 : jose.importSPKI
  return read(pem, alg, { extractable: true })
}

const tasks = {
  async generate({ alg, enc, crv }) {
    if (/^(dir$|HS|A\d)/.test(alg)) {
      const secret = await jose.generateSecret(alg === 'dir' ? enc : alg, { extractable: true })
      return { private_jwk: await jose.exportJWK(secret) }
    }
    const { publicKey, privateKey } = await jose.generateKeyPair(alg, { crv, extractable: true })
    return {
      private_jwk: await jose.exportJWK(privateKey),
      public_jwk: await jose.exportJWK(publicKey),
      private_pem: await jose.exportPKCS8(privateKey),
      public_pem: await jose.exportSPKI(publicKey),
    }
  },

  async thumbprint({ key, alg }) {
    const jwk = await jose.exportJWK(await read(key, alg))
    return { thumbprint: await jose.calculateJwkThumbprint(jwk) }
  },

  async sign({ key, alg, header, payload, crit }) {
    const token = new jose.CompactSign(bytes(payload)).setProtectedHeader({ alg, ...header })
    return { token: await token.sign(await read(key, alg), { crit }) }
  },

  async verify({ key, alg, token, crit }) {
    const { payload } = await jose.compactVerify(token, await read(key, alg), { algorithms: [alg], crit })
    return { payload: text(payload) }
  },

  async verify_by_set({ keys, alg, token }) {
    const { payload } = await jose.compactVerify(token, jose.createLocalJWKSet(keys), { algorithms: [alg] })
    return { payload: text(payload) }
  },

  async encrypt({ key, alg, enc, header, plaintext }) {
    const token = new jose.CompactEncrypt(bytes(plaintext)).setProtectedHeader({ alg, enc, ...header })
    return { token: await token.encrypt(await read(key, alg)) }
  },

  async decrypt({ key, alg, enc, token }) {
    const { plaintext } = await jose.compactDecrypt(token, await read(key, alg), {
      keyManagementAlgorithms: [alg],
      contentEncryptionAlgorithms: [enc],
    })
    return { plaintext: text(plaintext) }
  },

  // A nested JWT (RFC 7519 §5.2).
  async seal({ key, alg, typ, to, to_alg, enc, claims }) {
    const signed = await new jose.SignJWT(claims).setProtectedHeader({ alg, typ }).sign(await read(key, alg))
    const token = new jose.CompactEncrypt(bytes(signed)).setProtectedHeader({ alg: to_alg, enc, cty: 'JWT' })
    return { token: await token.encrypt(await read(to, to_alg)) }
  },

  async unseal({ token, own, own_alg, enc, key, alg, typ, issuer, audience, now }) {
    const { plaintext, protectedHeader } = await jose.compactDecrypt(token, await read(own, own_alg), {
      keyManagementAlgorithms: [own_alg],
      contentEncryptionAlgorithms: [enc],
    })
    if (protectedHeader.cty !== 'JWT') throw new Error('cty is not JWT')
    const expected = { algorithms: [alg], typ, issuer, audience, currentDate: new Date(now * 1000) }
    const { payload } = await jose.jwtVerify(text(plaintext), await read(key, alg), expected)
    return { claims: payload }
  },

  // What countersign-jose refuses on purpose.
  async sign_with_none({ claims }) {
    return { token: new jose.UnsecuredJWT(claims).encode() }
  },

  async read_with_none({ token }) {
    return { claims: jose.UnsecuredJWT.decode(token).payload }
  },

  async verify_by_own_key({ alg, token }) {
    const { payload } = await jose.compactVerify(token, jose.EmbeddedJWK, { algorithms: [alg] })
    return { payload: text(payload) }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const task = JSON.parse(line)
  const outcome = await tasks[task.do](task).catch((error) => ({ refused: `${error.name}: ${error.message}` }))
  console.log(JSON.stringify(outcome))
}
