// A service that trusts tokens by the published keys alone: express and jose.
//
//   npm install
//   ISSUER=http://localhost:8080 PORT=3000 node express-jose.mjs
//
// It asks the issuer for the key set and for nothing else, so it does not hear of revocations:
// a token is good until it expires. README.md says what that means.

import express from 'express'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

const { ISSUER = 'http://localhost:8080', AUDIENCE = ISSUER, PORT = '3000' } = process.env

// Every one of these has to be said: what is left out is not checked.
const expected = { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt', algorithms: ['ES256'] }
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`))
const noKeys = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'])

async function requireToken(request, response, next) {
  const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(request.get('authorization') ?? '') ?? []
  if (!token) {
    response.set('WWW-Authenticate', 'Bearer').status(401).json({ error: 'no token' })
    return
  }
  try {
    const { payload } = await jwtVerify(token, keys, { ...expected, requiredClaims: ['exp', 'sub'] })
    request.caller = payload
  } catch (error) {
    // Without keys nothing can be said about a token: that is no 401.
    if (!(error instanceof errors.JOSEError) || noKeys.has(error.code)) throw error
    response.set('WWW-Authenticate', 'Bearer error="invalid_token"').status(401).json({ error: error.code })
    return
  }
  next()
}

const app = express()
app.get('/hello', requireToken, (request, response) => {
  response.json({ sub: request.caller.sub })
})
app.use((error, request, response, next) => {
  console.error(error)
  response.status(503).json({ error: 'the keys of the issuer cannot be had' })
})
const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}`)
})
