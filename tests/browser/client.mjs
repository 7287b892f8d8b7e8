// One page and its client: sign in, stay so, sign out; and what can go wrong with each.

import assert from 'node:assert/strict'
import { ask, check, done, pause, until } from './lib/harness.mjs'
import { ADA, application, becomes, clock, page as pageOf, patient, person, signIn, tab, users } from './lib/application.mjs'

// An API of the application's own: what it was sent, and with what it answers.
const calls = []
let answers = []
let refusedToken
const api = async (request, response) => {
  const body = Buffer.concat(await Array.fromAsync(request)).toString()
  const token = request.headers.authorization
  calls.push({ token, body })
  response.statusCode = answers.shift() ?? (token && token == refusedToken ? 401 : 200)
  return '{}'
}
const { proxy, issuer, origin, asked, renewals } = await application({
  pages: { '/api.json': api, '/stateless': () => pageOf({ issuer, clientId: 'stateless' }) },
})
const context = await person(clock)
const page = await tab(context, `${origin}/`)

/** How a call fails: what its error says. */
const failure = (page, call) =>
  page.evaluate(async (call) => {
    const error = await (0, eval)(call).then(String, (error) => error)
    const { code, status, field, retryAfter } = error
    return { code, status, field, retryAfter, isTyped: error instanceof countersign.CountersignError }
  }, call)

const called = (page, init) =>
  page.evaluate(async (init) => {
    const { status } = await client.fetch('/api.json', init)
    return status
  }, init)

await check('a stranger is nobody, and asks without a token', async () => {
  assert.deepEqual(await users(page), [null])
  assert.equal(await page.evaluate(() => client.getAccessToken()), null)
  assert.equal(await called(page), 200)
  assert.deepEqual(calls.splice(0), [{ token: undefined, body: '' }])
})

await check('what is wrong has a code', async () => {
  const wrong = `client.signIn({ email: '${ADA.email}', password: 'something else' })`
  const expected = { status: 401, code: 'invalid_credentials', isTyped: true }
  assert.partialDeepStrictEqual(await failure(page, wrong), expected)
  const taken = `client.register({ email: '${ADA.email}', password: 'a phrase of mine' })`
  assert.partialDeepStrictEqual(await failure(page, taken), { status: 409, code: 'email_taken', field: 'email' })
  proxy.fault = () => 'lost request'
  assert.partialDeepStrictEqual(await failure(page, wrong), { code: 'network', isTyped: true })
  proxy.fault = () => undefined
  assert.deepEqual(await users(page), [null])
})

await check('register, and sign in', async () => {
  const eve = { email: 'eve@example.com', password: 'a phrase of mine', name: 'Eve' }
  const registered = await page.evaluate((eve) => client.register(eve), eve)
  assert.equal(registered.name, 'Eve')
  assert.deepEqual(await users(page), [null])

  const user = await signIn(page)
  await becomes(page, ADA.email)
  const me = await page.evaluate(async (url) => (await client.fetch(url)).json(), `${issuer}/v1/me`)
  assert.deepEqual(me.user, user)
  assert.equal(await page.evaluate(() => client.user === client.user && client.user.name), 'Ada')
})

await check('a page that is loaded again is signed in', async () => {
  await page.reload()
  await becomes(page, ADA.email)
  assert.deepEqual(await users(page), [ADA.email])
})

await check('a second tab asks the first, and not the server', async () => {
  const before = renewals()
  const second = await tab(context, `${origin}/`, patient)
  assert.deepEqual(await users(second), [ADA.email])
  const tokens = await Promise.all([page, second].map((page) => page.evaluate(() => client.getAccessToken())))
  assert.equal(tokens[0], tokens[1])
  assert.equal(renewals(), before)
  await second.close()
})

await check('401: renewed once, and sent again once, with its body', async () => {
  calls.length = 0
  const before = renewals()
  answers = [401]
  assert.equal(await called(page, { method: 'POST', body: 'an order' }), 200)
  assert.equal(calls.length, 2)
  const [first, second] = calls.splice(0)
  assert.deepEqual([first.body, second.body], ['an order', 'an order'])
  assert.notEqual(first.token, second.token)
  assert.equal(renewals(), before + 1)

  answers = [401, 401, 401, 401]
  assert.equal(await called(page), 401)
  assert.equal(calls.splice(0).length, 2)
  assert.equal(renewals(), before + 2)
  answers = []
})

await check('many calls at once, one renewal', async () => {
  const before = renewals()
  refusedToken = `Bearer ${await page.evaluate(() => client.getAccessToken())}`
  const all = await page.evaluate(async () => {
    const calls = Array.from({ length: 10 }, () => client.fetch('/api.json'))
    return (await Promise.all(calls)).map(({ status }) => status)
  })
  assert.deepEqual(all, Array(10).fill(200))
  assert.equal(renewals(), before + 1)
  calls.length = 0
})

await check('cut off, nothing goes out without a good token, and nobody is signed out', async () => {
  proxy.fault = () => 'lost request'
  await page.evaluate(() => (ahead += 600_000)) // the token is over, by this clock
  assert.partialDeepStrictEqual(await failure(page, `client.fetch('/api.json')`), { code: 'network', isTyped: true })
  const before = asked.length
  for (let i = 0; i < 20; i++) assert.equal((await failure(page, 'client.getAccessToken()')).code, 'network')
  assert(asked.length <= before + 2, 'a failure is not answered by a flood')
  assert.deepEqual(calls, [])
  proxy.fault = () => undefined
  await until('it renews by itself', () => called(page).catch(() => {}))
  assert.equal(calls.splice(0).length, 1)
  assert.deepEqual(await users(page), [ADA.email])
})

await check('a renewal is given up before the server takes its answer for lost', async () => {
  proxy.fault = ({ url }) => (url == '/v1/refresh' ? 'no answer' : undefined)
  await page.evaluate(() => (ahead += 600_000))
  const began = performance.now()
  assert.equal((await failure(page, 'client.getAccessToken()')).code, 'timeout')
  const took = performance.now() - began
  assert(took > 7500 && took < 20_000, `${took} ms`)
  proxy.fault = () => undefined
  await until('it renews by itself', () => called(page).catch(() => {}))
  calls.length = 0
})

/** The next so many renewals are refused like this; when they were, in milliseconds. */
function refuse(times, status, code) {
  const refused = []
  proxy.answer = ({ method, url }) => {
    if (method != 'POST' || url != '/v1/refresh' || refused.length == times) return undefined
    refused.push(performance.now())
    const headers = {
      'retry-after': '3',
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'retry-after',
    }
    return { status, headers, body: Buffer.from(JSON.stringify({ code, detail: 'as the test says' })) }
  }
  return refused
}

await check('a busy server is left alone for as long as it says', async () => {
  const refused = refuse(Infinity, 503, 'busy')
  await page.evaluate(() => (ahead += 600_000))
  const expected = { code: 'busy', status: 503, retryAfter: 3, isTyped: true }
  assert.partialDeepStrictEqual(await failure(page, 'client.getAccessToken()'), expected)
  await until('it asks again', () => refused.length > 1)
  assert(refused[1] - refused[0] > 2900, refused.join())
  proxy.answer = () => undefined
  await until('it renews by itself', () => called(page).catch(() => {}))
  calls.length = 0
})

await check('one refusal can be a race, two are the end', async () => {
  const once = refuse(1, 401, 'refresh_superseded')
  await page.evaluate(() => (ahead += 600_000))
  assert.equal(await called(page), 200)
  assert.equal(once.length, 1)
  assert.deepEqual(await users(page), [ADA.email])

  const twice = refuse(Infinity, 401, 'refresh_reused')
  await page.evaluate(() => (ahead += 600_000))
  assert.equal(await page.evaluate(() => client.getAccessToken()), null)
  assert.equal(twice.length, 2)
  assert.deepEqual(await users(page), [ADA.email, null])
  proxy.answer = () => undefined
  await signIn(page)
  calls.length = 0
})

await check('a clock that is set back holds no renewal up', async () => {
  const quick = await tab(await person(clock), `${origin}/quick`)
  await signIn(quick)
  await quick.evaluate(() => (ahead -= 3600_000))
  const before = renewals()
  await pause(7000) // longer than a token lives
  assert(renewals() > before)
  const status = await quick.evaluate(async (url) => (await client.fetch(url)).status, `${issuer}/v1/me`)
  assert.equal(status, 200)
  assert.deepEqual(await users(quick), [null, ADA.email])
  const refused = asked.filter(({ method, path, status }) => method == 'GET' && path == '/v1/me' && status != 200)
  assert.deepEqual(refused, [])
  await quick.context().close()
})

await check('it is the same in the style stateless', async () => {
  await ask({ command: ['client', 'add', 'stateless', '--style', 'stateless', '--origin', origin] })
  const stateless = await tab(await person(clock), `${origin}/stateless`)
  await signIn(stateless)
  const first = await stateless.evaluate(() => client.getAccessToken())
  await stateless.evaluate(() => (ahead += 600_000))
  const second = await stateless.evaluate(() => client.getAccessToken())
  assert(second && second != first)
  await stateless.evaluate(() => client.signOut())
  assert.deepEqual(await users(stateless), [null, ADA.email, null])
  await stateless.context().close()
})

await check('signing out needs the server', async () => {
  proxy.fault = () => 'lost request'
  assert.equal((await failure(page, 'client.signOut()')).code, 'network')
  proxy.fault = () => undefined
  assert.equal(await page.evaluate(() => client.user.email), ADA.email)
  const token = await page.evaluate(() => client.getAccessToken())
  await page.evaluate(() => client.signOut())
  await becomes(page, null)
  assert.equal(await page.evaluate(() => client.getAccessToken()), null)
  const me = await fetch(`${issuer}/v1/me`, { headers: { Authorization: `Bearer ${token}` } })
  assert.equal(me.status, 401)
  await page.reload()
  await becomes(page, null)
})

await done()
