// A service that trusts tokens by the published keys alone: express, passport-jwt and jwks-rsa.
//
//   npm install
//   ISSUER=http://localhost:8080 PORT=3000 node express-passport.mjs
//
// It asks the issuer for the key set and for nothing else, so it does not hear of revocations:
// a token is good until it expires. README.md says what that means.

import express from 'express'
import { passportJwtSecret } from 'jwks-rsa'
import passport from 'passport'
import { ExtractJwt, Strategy } from 'passport-jwt'

const { ISSUER = 'http://localhost:8080', AUDIENCE = ISSUER, PORT = '3000' } = process.env

const bearer = new Strategy(
  {
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    secretOrKeyProvider: passportJwtSecret({
      jwksUri: `${ISSUER}/.well-known/jwks.json`,
      cache: true,
      // Made-up key ids must not turn into requests to the issuer.
      rateLimit: true,
      jwksRequestsPerMinute: 6,
    }),
    // Every one of these has to be said: what is left out is not checked.
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: ['ES256'],
    jsonWebTokenOptions: { complete: true },
  },
  ({ header, payload }, done) => {
    // Neither passport-jwt nor jsonwebtoken looks at the kind of token, or asks for an end.
    const isAccessToken = /^(application\/)?at\+jwt$/i.test(header.typ ?? '')
    done(null, isAccessToken && payload.exp && payload.sub ? payload : false)
  },
)
passport.use(bearer)

const app = express()
app.get('/hello', passport.authenticate('jwt', { session: false }), (request, response) => {
  response.json({ sub: request.user.sub })
})
const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://localhost:${server.address().port}`)
})
