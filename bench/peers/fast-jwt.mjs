// Node's `fast-jwt`, which remembers tokens that it has verified, measured next to a guard by `make bench`.
// bench/src/tokens/peer.rs says how it is talked to: one JSON object a line, in and out.
//
// | asked | answers |
// | {"key", "issuer", "audience", "tokens"} | {"token"}: the first one, when it has warmed up |
// | {"turn": "hot"} or {"turn": "many"} | {"us"}: microseconds for each check, one token or all of them in turn |

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

const installed = fileURLToPath(new URL('../../target/peers/node/package.json', import.meta.url))
const { createVerifier } = await import(pathToFileURL(createRequire(installed).resolve('fast-jwt')))

const TURN_MS = 1

let operations

function repeat(op, times) {
  const start = performance.now()
  for (let i = 0; i < times; i++) op()
  return performance.now() - start
}

function prepare({ key, issuer, audience, tokens }) {
  const verify = createVerifier({
    key,
    algorithms: ['ES256'],
    allowedIss: issuer,
    allowedAud: audience,
    requiredClaims: ['exp'],
    cache: tokens.length * 2,
    cacheTTL: 3600_000,
  })
  for (const token of tokens) verify(token)
  let next = 0
  const ops = {
    hot: () => verify(tokens[0]),
    many: () => {
      verify(tokens[next])
      next = (next + 1) % tokens.length
    },
  }
  operations = {}
  for (const [name, op] of Object.entries(ops)) {
    const until = performance.now() + 1000
    while (performance.now() < until) op()
    let size = 1
    while (repeat(op, size) < TURN_MS) size *= 2
    operations[name] = { op, size }
  }
  return { token: tokens[0] }
}

function turn(name) {
  const { op, size } = operations[name]
  return { us: (repeat(op, size) * 1000) / size }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  let answer
  try {
    answer = request.turn ? turn(request.turn) : prepare(request)
  } catch (error) {
    answer = { error: String(error) }
  }
  console.log(JSON.stringify(answer))
}
