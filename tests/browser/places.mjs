// To the page where people sign in, and back to where they were.

import assert from 'node:assert/strict'
import { check, done, until } from './lib/harness.mjs'
import { ADA, application, becomes, page, person, tab, users, withoutSharing } from './lib/application.mjs'

const { issuer, origin } = await application({
  redirects: ['/', '/back'],
  pages: {
    '/orders': () => page({ issuer, clientId: 'app' }),
    '/back': () => page({ issuer, clientId: 'app', redirectUri: `${origin}/back` }),
  },
})

/** Signs in from this page; the addresses that the browser went to. */
async function thereAndBack(page, place) {
  const went = []
  page.on('framenavigated', (frame) => went.push(frame.url()))
  await page.evaluate(() => void client.signIn())
  await page.fill('[name=identifier]', ADA.email)
  await page.fill('[name=password]', ADA.password)
  await page.press('[name=password]', 'Enter')
  await until('it is back', () => went.length >= 3 && went.at(-1) == place)
  await page.waitForFunction(() => globalThis.users?.at(-1))
  return went
}

const context = await person()

await check('one comes back to the very place, and other tabs are signed in, too', async () => {
  const place = `${origin}/orders?year=2026&of=Ada#open`
  const [there, other] = [await tab(context, place), await tab(context, `${origin}/`)]
  const went = await thereAndBack(there, place)
  assert.deepEqual(await users(there), [ADA.email])
  await becomes(other, ADA.email)

  const asked = new URL(went[0])
  assert.equal(asked.origin + asked.pathname, `${issuer}/login`)
  const { state, ...query } = Object.fromEntries(asked.searchParams)
  assert.deepEqual(query, { client_id: 'app', redirect_uri: `${origin}/` })
  assert.match(state, /^[0-9a-f-]{36}$/) // where one was stays in the tab
  assert.equal(went.at(-1), place)
  assert.equal(await there.evaluate(() => sessionStorage.length), 0)
  await there.close()
  await other.close()
})

await check('a place that is the address to come back to is cleaned, and not loaded again', async () => {
  await context.clearCookies()
  const back = await tab(context, `${origin}/back`)
  const went = await thereAndBack(back, `${origin}/back`)
  assert.deepEqual(await users(back), [ADA.email])
  assert.equal(went.filter((url) => url.includes('/back?')).length, 1)
  await back.close()
})

await check('a made-up state leads nowhere', async () => {
  const here = `${origin}/?state=${encodeURIComponent('https://evil.example/')}`
  const lured = await tab(context, here)
  assert.equal(lured.url(), here)
  await lured.close()
})

await check('without channels and locks it is the same', async () => {
  const poor = await person(withoutSharing)
  const place = `${origin}/orders?plain`
  const [there, other] = [await tab(poor, place), await tab(poor, `${origin}/`)]
  await thereAndBack(there, place)
  await becomes(other, ADA.email)
})

await done()
