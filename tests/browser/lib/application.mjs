// An application of the client's: its server behind a proxy, its pages on another origin, and somebody to sign in.

import { ask, browser, until } from './harness.mjs'
import { Proxy } from './proxy.mjs'
import { site } from './site.mjs'

export const ADA = { email: 'ada@example.com', password: 'a difference engine' }

/** A page that has a client, and writes down who it says is signed in. */
export const page = (options) => `<!doctype html>
<title>An application</title>
<script type="module">
  import * as countersign from '${options.issuer}/client/countersign.js'
  globalThis.countersign = countersign
  globalThis.client = countersign.createClient(${JSON.stringify(options)})
  globalThis.users = []
  client.onChange((user) => users.push(user && user.email))
</script>`

/**
 * `lives` is how long access tokens live, `ahead` what the server's clock is wrong by, in seconds; `redirects` are the paths
 * to which people may come back from signing in; `pages` are the application's, besides one at `/` for its client `app`, and at `/quick` for its client `quick`, whose tokens live for 6 s.
 */
export async function application({ lives = '5m', ahead, settings, pages = {}, origins, redirects = [] } = {}) {
  const proxy = await Proxy.start()
  const issuer = proxy.address
  const origin = await site({
    '/': page({ issuer, clientId: 'app', origins }),
    '/quick': page({ issuer, clientId: 'quick' }),
    '/favicon.ico': '',
    ...pages,
  })
  proxy.port = (await ask({ start: { issuer, ahead, settings } })).port
  const back = redirects.flatMap((path) => ['--redirect-uri', origin + path])
  const add = (id, ttl) => ask({ command: ['client', 'add', id, '--origin', origin, '--access-ttl', ttl, ...back] })
  await add('app', lives)
  await add('quick', '6s')
  const registered = await fetch(`${issuer}/v1/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...ADA, name: 'Ada' }),
  })
  if (registered.status != 201) throw new Error(await registered.text())

  // Everything that the server was asked for, and every token that it gave.
  const asked = []
  proxy.heard = (request) => asked.push(request)
  const count = (path) => asked.filter((request) => request.method == 'POST' && request.path == path).length
  return { proxy, issuer, origin, asked, renewals: () => count('/v1/refresh') }
}

/** What a browser without them is like. Put into a context before its pages. */
export const withoutSharing = () => {
  delete Navigator.prototype.locks
  delete globalThis.BroadcastChannel
}

/** A clock that a test sets, in ms, by `ahead`. */
export const clock = () => {
  const now = Date.now
  globalThis.ahead = 0
  Date.now = () => now() + ahead
}

/** A browser of its own for somebody, with these scripts in each page before all others. */
export async function person(...scripts) {
  const context = await browser.newContext()
  for (const script of scripts) await context.addInitScript(script)
  return context
}

/** A tab that waits for the others' answers so long that a busy machine has them in time. */
export const patient = () => {
  const set = setTimeout
  globalThis.setTimeout = (what, ms, ...rest) => set(what, 30 * ms, ...rest)
}

/** A tab, when its client knows who is signed in. */
export async function tab(context, url, ...scripts) {
  const page = await context.newPage()
  for (const script of scripts) await page.addInitScript(script)
  await page.goto(url)
  await page.waitForFunction(() => globalThis.users?.length)
  return page
}

export const signIn = (page) => page.evaluate((ada) => client.signIn(ada), ADA)
export const users = (page) => page.evaluate(() => users)
export const becomes = (page, user) =>
  until(`${user} is signed in`, async () => (await users(page)).at(-1) === user, 15)
