// Ten tabs that stay open, under everything that a network, a laptop and a server do to them.
//
// Access tokens live for 30 s and are renewed 10 s ahead. What a renewal suffers follows a list, so that every kind of fault
// occurs; besides, tabs are frozen and thawed, the server is killed and started again, and its clock is wrong.

import assert from 'node:assert/strict'
import { ask, check, done, pause, told, until } from './lib/harness.mjs'
import { ADA, application, person, signIn, tab, users, withoutSharing } from './lib/application.mjs'
import { faults } from './lib/proxy.mjs'

const TABS = 10
const LIFE = 30
const LEAD = 10
const seconds = told.long ? 360 : 60

const { proxy, issuer, origin, asked } = await application({ lives: `${LIFE}s`, ahead: told.ahead })
const context = await person(...(told.shares ? [] : [withoutSharing]))
const tabs = [await tab(context, `${origin}/`)]
await signIn(tabs[0])
while (tabs.length < TABS) tabs.push(await tab(context, `${origin}/`))

/** From here on a tab asks an API for something, again and again. */
const work = () => {
  globalThis.work = { done: 0, refused: 0, failed: {} }
  setInterval(async () => {
    try {
      const { ok } = await client.fetch(`${client.issuer}/v1/me`)
      if (ok) work.done++
      else work.refused++
    } catch ({ code }) {
      work.failed[code] = (work.failed[code] ?? 0) + 1
    }
  }, 500)
}

// What befalls one renewal after the other. Of those who each ask for themselves, some are spared.
const plan = ['lost answer', 'lost request', 'late cookie', 'no answer', 'cut answer', 'slow answer']
const occurred = Object.fromEntries(Object.keys(faults).map((name) => [name, 0]))
let next = 0
proxy.fault = ({ method, url }) => {
  if (method != 'POST' || url != '/v1/refresh') return undefined
  const fault = told.shares || next % 2 ? plan[(told.shares ? next : (next - 1) / 2) % plan.length] : undefined
  next++
  if (fault) occurred[fault]++
  return fault
}

const sleep = async (sleepers, s) => {
  const state = async (state) => {
    for (const tab of sleepers) {
      const devtools = await context.newCDPSession(tab)
      await devtools.send('Page.setWebLifecycleState', { state })
      await devtools.detach()
    }
  }
  await state('frozen')
  await pause(1000 * s)
  await state('active')
  slept += sleepers.length
}
let slept = 0
let restarts = 0
const restart = async () => {
  await ask({ restart: true })
  restarts++
}

const before = asked.length
const began = performance.now()
for (const tab of tabs) await tab.evaluate(`client.issuer = '${issuer}'; (${work})()`)
for (let minute = 0; minute < seconds / 60; minute++) {
  const end = pause(60_000)
  const some = tabs.slice(minute % 7, (minute % 7) + 3)
  // Past the end of their token; every third minute all of them.
  pause(5000).then(() => sleep(minute % 3 == 2 ? tabs : some, LIFE + 2))
  await pause(55_000).then(restart)
  await end
}
const took = (performance.now() - began) / 1000
const window = asked.slice(before)
proxy.fault = () => undefined

const posts = window.filter(({ method, path }) => method == 'POST' && path == '/v1/refresh')
const lost = posts.filter(({ lost }) => lost).length
const rounds = took / (LIFE - LEAD)
const cookies = new Set(posts.flatMap(({ cookies = [] }) => cookies.map((cookie) => cookie.split(';')[0])))
const calls = window.filter(({ method, path }) => method == 'GET' && path == '/v1/me')
const works = await Promise.all(tabs.map((tab) => tab.evaluate(() => work)))
const sum = (of) => works.reduce((sum, work) => sum + of(work), 0)
const failures = sum(({ failed }) => Object.values(failed).reduce((a, b) => a + b, 0))
const way = told.shares ? 'tabs that share' : 'tabs that cannot share'
console.log(
  `RESULT: ten ${way}, ${Math.round(took)} s, the server's clock off by ${told.ahead} s: ${posts.length} renewals of which ` +
    `${lost} were lost, ${cookies.size} generations of refresh tokens, ${calls.length} calls of which ${failures} did not go out or were lost; ` +
    `${Object.entries(occurred).map(([name, times]) => `${times} × ${name}`).join(', ')}, ` +
    `${slept} × a tab slept, ${restarts} × the server was killed`,
)

await check('everything occurred', () => {
  const least = told.long ? 3 : 1
  for (const [name, times] of Object.entries(occurred)) assert(times >= least, name)
  assert(slept >= 3 * least && restarts >= seconds / 60 && calls.length > seconds * TABS)
})
await check('nobody was signed out', async () => {
  for (const tab of tabs.slice(1)) assert.deepEqual(await users(tab), [ADA.email])
  assert.deepEqual(await users(tabs[0]), [null, ADA.email])
  assert.deepEqual(posts.filter(({ status }) => status == 401), [])
})
await check('no call went out without a valid token', () => {
  assert.deepEqual(calls.filter(({ headers }) => !headers.authorization), [])
  assert.deepEqual(calls.filter(({ status }) => status == 401), [])
  assert.equal(sum(({ refused }) => refused), 0)
})
await check('no more renewals than need be', () => {
  const tabs = told.shares ? 1 : TABS
  assert(posts.length <= 1.2 * (tabs * rounds + lost), `${posts.length} for ${tabs} × ${rounds} and ${lost} lost`)
  // However many tabs ask, the server begins a generation once in an interval.
  assert(cookies.size <= 1.2 * (rounds + lost), `${cookies.size} generations for ${rounds} and ${lost} lost`)
})
await check('it goes on', async () => {
  // Whose last renewal was one of the lost ones waits a while before the next.
  const answer = (url) => client.fetch(url).then(({ ok }) => ok, () => false)
  const all = () => Promise.all(tabs.map((tab) => tab.evaluate(answer, `${issuer}/v1/me`)))
  await until('every tab is answered', async () => (await all()).every(Boolean), 45)
})

await done()
