// A token, taken apart and explained. Nothing here trusts it: that is the API's business.

/** The three parts as they are, and the two that are JSON as text and as values. */
export function read(token) {
  const [header, payload, signature] = token.split('.')
  const texts = { header: decode(header), payload: decode(payload) }
  return {
    parts: { header, payload, signature },
    texts,
    header: JSON.parse(texts.header),
    claims: JSON.parse(texts.payload),
  }
}

/** A token of these texts and this signature, which need not fit together. */
export const write = ({ header, payload, signature }) =>
  `${encode(header)}.${encode(payload)}.${signature}`

/** Base64url (RFC 7515 §2) of UTF-8. */
export function encode(text) {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function decode(part) {
  const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)))
}

/** Rows of name, value and meaning. */
export function explain({ header, claims }) {
  const row = (part) => ([name, value]) => ({ part, name, value: shown(name, value), meaning: meaning(part, name) })
  return [
    ...Object.entries(header).map(row('header')),
    ...Object.entries(claims).map(row('payload')),
  ]
}

const MEANINGS = {
  header: {
    alg: 'How it is signed. The key says so too, and a token that says otherwise is refused.',
    typ: 'An access token, and no other kind.',
    kid: 'Which of the published keys signed it.',
  },
  payload: {
    iss: 'Who issued it. A service trusts tokens of exactly this issuer.',
    sub: 'Whom it is about: an id that never changes, unlike names and addresses.',
    aud: 'For whom it is. Any other service refuses it.',
    exp: 'When it expires. Soon, so that a stolen one is of little use.',
    iat: 'When it was issued.',
    jti: 'Its own id. By it this one token can be revoked.',
    client_id: 'The application that it was issued to.',
    sid: 'The session that it belongs to. Revoking the session refuses it at once.',
    auth_time: 'When the password was given. A renewal does not change that.',
    amr: 'How: by a password.',
    scope: 'What it permits.',
    epochs:
      'Three numbers that only rise: of the issuer, the application and the user. Disabling the user raises the last, and every token with a smaller one is refused.',
  },
}

const meaning = (part, name) =>
  MEANINGS[part][name] ?? 'Asked for by the application when it was registered.'

function shown(name, value) {
  if (['exp', 'iat', 'auth_time', 'nbf'].includes(name) && Number.isFinite(value)) {
    return `${value} (${new Date(value * 1000).toLocaleTimeString()})`
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}
