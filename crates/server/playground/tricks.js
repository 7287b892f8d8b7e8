// What attackers have tried. Each takes the token apart and gives back the texts of another one.

import { encode } from './token.js'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const flipped = (char) => ALPHABET[ALPHABET.indexOf(char) ^ 1]

const change = (text, changes) => JSON.stringify({ ...JSON.parse(text), ...changes })
const payload = (changes) => (token) => ({ ...token, payload: change(token.payload, changes(JSON.parse(token.payload))) })
const header = (changes) => (token) => ({ ...token, header: change(token.header, changes) })

export const UNCHANGED = {
  name: 'Unchanged',
  why: 'The token passes, unless it has been revoked or has expired.',
  of: (token) => token,
}

export const TRICKS = [
  {
    name: 'Be another user',
    why: 'The subject is another user’s id. The signature no longer matches.',
    of: payload(({ sub }) => ({ sub: sub.replace(/^./, (first) => (first === '0' ? '1' : '0')) })),
  },
  {
    name: 'Add admin role',
    why: 'The roles say “admin”. Reading a claim is easy; changing one breaks the signature.',
    of: payload(() => ({ roles: ['admin'] })),
  },
  {
    name: 'Expire in ten years',
    why: 'The time would be right; the signature is looked at first.',
    of: payload(({ exp }) => ({ exp: exp + 315_360_000 })),
  },
  {
    name: 'Set alg to none',
    why: 'The header says that there is no signature, as libraries once believed (CVE-2015-9235).',
    of: (token) => ({ ...header({ alg: 'none' })(token), signature: '' }),
  },
  {
    name: 'Set alg to HS256',
    why: 'Signed with the public key, taken as a shared secret (CVE-2016-10555). Here a key is for one algorithm.',
    of: async (token) => {
      const forged = header({ alg: 'HS256' })(token)
      const { keys } = await (await fetch('/.well-known/jwks.json')).json()
      const { kid } = JSON.parse(token.header)
      const secret = new TextEncoder().encode(JSON.stringify(keys.find((key) => key.kid === kid) ?? keys))
      const hmac = { name: 'HMAC', hash: 'SHA-256' }
      const key = await crypto.subtle.importKey('raw', secret, hmac, false, ['sign'])
      const input = new TextEncoder().encode(`${encode(forged.header)}.${encode(forged.payload)}`)
      return { ...forged, signature: encode(new Uint8Array(await crypto.subtle.sign('HMAC', key, input))) }
    },
  },
  {
    name: 'Unknown key',
    why: 'It names a key that was never published. Nothing is fetched for that.',
    of: header({ kid: 'a-key-of-mine' }),
  },
  {
    name: 'Wrong token type',
    why: 'An ID token is no access token: the type in the header must be at+jwt.',
    of: header({ typ: 'JWT' }),
  },
  {
    name: 'Flip one bit',
    why: 'One bit of the signature is another one: that is enough.',
    of: (token) => ({ ...token, signature: token.signature.replace(/^./, flipped) }),
  },
  {
    name: 'Two alg headers',
    why: 'The header names one algorithm for each of two readers. What stands twice is refused.',
    of: (token) => ({ ...token, header: token.header.replace('{', '{"alg":"none",') }),
  },
]
