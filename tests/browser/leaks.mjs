// Where the token goes: to chosen origins, into memory, and nowhere else.

import assert from 'node:assert/strict'
import { check, done } from './lib/harness.mjs'
import { ADA, application, becomes, person, signIn, tab } from './lib/application.mjs'
import { site } from './lib/site.mjs'

/** An API on an origin of its own, which lets every page send it everything, and writes down what it was sent. */
async function api() {
  const tokens = []
  const origin = await site({
    '*': (request, response) => {
      if (request.method != 'OPTIONS') tokens.push(request.headers.authorization)
      const { origin = '*' } = request.headers
      response.setHeader('access-control-allow-origin', origin)
      response.setHeader('access-control-allow-headers', 'authorization')
      return '{}'
    },
  })
  return { origin, tokens }
}

const [chosen, foreign] = [await api(), await api()]
const own = []
const { issuer, origin, asked } = await application({
  origins: [`${chosen.origin}/`],
  pages: {
    '/api.json': (request) => {
      own.push(request.headers.authorization)
      return '{}'
    },
    '/away': (request, response) => response.writeHead(307, { location: `${foreign.origin}/` }).end(),
    '/worker.js': () => `
      import { createClient } from '${issuer}/client/countersign.js'
      const client = createClient({ issuer: '${issuer}', clientId: 'app' })
      addEventListener('install', () => skipWaiting())
      addEventListener('activate', (event) => event.waitUntil(clients.claim()))
      addEventListener('fetch', (event) => {
        if (!event.request.url.endsWith('/from-worker')) return
        event.respondWith(client.fetch('/api.json').then(() => Response.json(client.user)))
      })`,
  },
})
const context = await person()
const page = await tab(context, `${origin}/`)
await signIn(page)
const token = await page.evaluate(() => client.getAccessToken())
const bearer = `Bearer ${token}`
const send = (url) => page.evaluate((url) => client.fetch(url).then(({ status }) => status), url)

await check('chosen origins get it', async () => {
  assert.equal(await send(`${chosen.origin}/`), 200)
  assert.deepEqual(chosen.tokens, [bearer])
  assert.equal(await send('/api.json'), 200)
  assert.deepEqual(own.splice(0), [bearer])
  assert.equal(await send(`${issuer}/v1/me`), 200)
})

await check('all others do not', async () => {
  const port = new URL(chosen.origin).port
  for (const url of [
    `${foreign.origin}/`,
    `${foreign.origin}/?${chosen.origin}`,
    `http://localhost:${port}@${new URL(foreign.origin).host}/`,
    `http://127.0.0.1:${port}/`, // the same server by another name is another origin
  ]) {
    await send(url).catch(() => {}) // addresses with a name in them are refused
  }
  assert(foreign.tokens.length >= 2)
  assert.deepEqual(new Set(foreign.tokens), new Set([undefined]))
  assert.deepEqual(chosen.tokens.slice(1), [undefined])
})

await check('nor does whoever a chosen one redirects to', async () => {
  foreign.tokens.length = 0
  assert.equal(await send('/away'), 200)
  assert.deepEqual(foreign.tokens, [undefined])
})

await check('a service worker has a client of its own', async () => {
  const user = await page.evaluate(async () => {
    await navigator.serviceWorker.register('/worker.js', { type: 'module' })
    await navigator.serviceWorker.ready
    while (!navigator.serviceWorker.controller) await new Promise((resolve) => setTimeout(resolve, 20))
    return (await fetch('/from-worker')).json()
  })
  assert.equal(user.email, ADA.email)
  assert.match(own.splice(0).join(), /^Bearer [^,]+$/)
})

await check('no token is in any storage, address or history', async () => {
  await page.evaluate(() => client.signOut())
  await signIn(page)
  await page.reload()
  await becomes(page, ADA.email)
  await page.evaluate(() => client.getAccessToken())
  const given = asked.map(({ text }) => /"access_token": ?"([^"]+)"/.exec(text)?.[1]).filter(Boolean)
  assert(given.length >= 2)
  const devtools = await context.newCDPSession(page)
  const { entries } = await devtools.send('Page.getNavigationHistory')
  const kept = await page.evaluate(async () => {
    const cached = []
    for (const name of await caches.keys()) {
      const cache = await caches.open(name)
      for (const request of await cache.keys()) cached.push(request.url, await (await cache.match(request)).text())
    }
    const { localStorage, sessionStorage, name } = window
    const { cookie } = document
    const state = history.state
    const databases = await indexedDB.databases()
    return JSON.stringify({ localStorage, sessionStorage, name, cookie, state, cached, databases, at: location.href })
  })
  const everything = JSON.stringify(entries) + kept
  for (const token of given) {
    for (const part of token.split('.')) assert(!everything.includes(part), everything)
  }
  // Its counterpart is where scripts cannot see it.
  const cookies = await context.cookies()
  const refresh = cookies.find(({ name }) => name == 'countersign-app')
  assert.partialDeepStrictEqual(refresh, { httpOnly: true, sameSite: 'Strict' })
})

await done()
