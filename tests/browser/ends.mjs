// The end of a session reaches all tabs: sign-out, and a stolen refresh cookie that is used later.

import assert from 'node:assert/strict'
import { ask, check, done, pause, told } from './lib/harness.mjs'
import { ADA, application, becomes, person, signIn, tab, users, withoutSharing } from './lib/application.mjs'

// Renewals are judged by 2.5 s, so that a cookie is soon spent. No token ends while this runs: tabs know what they are told.
const { issuer, origin } = await application({
  settings: { COUNTERSIGN_SESSIONS_CLIENT_TIMEOUT: '1s' },
  pages: { '/refuses': (request, response) => void response.writeHead(401).end() },
})
const context = await person(...(told.shares ? [] : [withoutSharing]))
const tabs = []
for (let i = 0; i < 4; i++) tabs.push(await tab(context, `${origin}/`))
const [first, second, asleep] = tabs

const all = (user) => Promise.all(tabs.map((tab) => becomes(tab, user)))
const cookie = async () => {
  const cookies = await context.cookies(issuer)
  return cookies.find(({ name }) => name == 'countersign-app')?.value
}

await check('sign-in in one tab is seen in all', async () => {
  await signIn(first)
  await all(ADA.email)
})

await check('sign-out in one tab is seen in all, also in one that slept', async () => {
  const devtools = await context.newCDPSession(asleep)
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' })
  const began = performance.now()
  await second.evaluate(() => client.signOut())
  await Promise.all([first, second, tabs[3]].map((tab) => becomes(tab, null)))
  console.log(`sign-out was everywhere after ${Math.round(performance.now() - began)} ms`)
  await devtools.send('Page.setWebLifecycleState', { state: 'active' })
  await all(null)
  for (const tab of tabs) assert.equal(await tab.evaluate(() => client.getAccessToken()), null)
})

await check('a stolen cookie that is used later ends the session in all tabs', async () => {
  await signIn(second)
  await all(ADA.email)
  const stolen = await cookie()
  const seen = new Set([stolen])
  while (seen.size < 3) {
    await pause(2600)
    await first.evaluate(() => client.fetch('/refuses').then(() => {})) // renews
    seen.add(await cookie())
  }

  const answer = await fetch(`${issuer}/v1/refresh`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: origin, Cookie: `countersign-app=${stolen}` },
    body: JSON.stringify({ client_id: 'app' }),
  })
  assert.equal(answer.status, 401)
  assert.equal((await answer.json()).code, 'refresh_reused')
  const began = performance.now()
  await first.evaluate((url) => client.fetch(url).then(() => {}), `${issuer}/v1/me`)
  await all(null)
  console.log(`theft was known everywhere after ${Math.round(performance.now() - began)} ms`)
  assert.deepEqual(await users(first), [null, ADA.email, null, ADA.email, null])
  const trail = await ask({ command: ['audit', '--what', 'refresh_token_reused'] })
  assert.equal(trail.length, 1)
})

await done()
