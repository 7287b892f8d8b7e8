// Pictures of every page, for docs/pictures: in light, in dark, and as on a phone. `make screenshots` runs it.

import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { browser, done, pause, told } from './lib/harness.mjs'

const { issuer, password } = told
const folder = fileURLToPath(new URL('../../docs/pictures/', import.meta.url))
mkdirSync(folder, { recursive: true })

const EMAIL = 'demo@example.com'
const LOOKS = [
  { suffix: '', colorScheme: 'light', viewport: { width: 1100, height: 760 } },
  { suffix: '-dark', colorScheme: 'dark', viewport: { width: 1100, height: 760 } },
  { suffix: '-phone', colorScheme: 'light', viewport: { width: 390, height: 760 }, isMobile: true, hasTouch: true },
]

/** Signed in on the server's own pages. */
async function enter(page) {
  await page.goto(`${issuer}/login`)
  await page.locator('input[name=identifier]').fill(EMAIL)
  await page.locator('input[name=password]').fill(password)
  await page.keyboard.press('Enter')
  await page.waitForURL(/account/)
}

/** Signed in at the playground, for so long that its drawing has something to show. */
async function play(page, seconds) {
  await page.goto(`${issuer}/playground`)
  await page.locator('#sign-in input[type=password]').fill(password)
  await page.keyboard.press('Enter')
  await page.locator('#drawing[data-state=accepted]').waitFor()
  await pause(1000 * seconds)
}

// All looks have one demo user: what ends all sessions is done when all have come so far, by one after the other.
let missing = LOOKS.length
let allHere
let turn = new Promise((resolve) => (allHere = resolve))
const inTurn = (show) => (page) => {
  if (--missing === 0) allHere()
  return (turn = turn.then(() => show(page)))
}

const PAGES = {
  'sign-in': (page) => page.goto(`${issuer}/login`),
  register: (page) => page.goto(`${issuer}/register`),
  forgotten: (page) => page.goto(`${issuer}/password/forgotten`),
  error: (page) => page.goto(`${issuer}/no-such-page`, { waitUntil: 'load' }),
  account: enter,
  password: (page) => page.goto(`${issuer}/account/password`),
  sessions: (page) => page.goto(`${issuer}/account/sessions`),
  activity: (page) => page.goto(`${issuer}/account/activity`),
  'playground-door': (page) => page.goto(`${issuer}/playground`),
  playground: (page) => play(page, 20),
  token: (page) => page.locator('#token-title').evaluate((title) => title.parentElement.scrollIntoView()),
  tampered: async (page) => {
    await page.getByRole('button', { name: 'Be somebody else' }).click()
    await page.locator('#checks .refused').waitFor()
    await page.locator('#tricks-title').evaluate((title) => title.parentElement.scrollIntoView())
  },
  'playground-renewed': async (page) => {
    await page.locator('#log').getByText('Renewed, in').waitFor({ timeout: 70_000 })
    await page.locator('#life-title').evaluate((title) => title.parentElement.scrollIntoView())
  },
  revoked: async (page) => {
    await pause(8000)
    await page.locator('#revoke').click()
    await page.locator('#drawing[data-state=refused]').waitFor()
    await pause(4000)
    await page.evaluate(() => scrollTo(0, 0))
  },
  'token-revoked': (page) => page.locator('#token-title').evaluate((title) => title.parentElement.scrollIntoView()),
  'playground-disabled': inTurn(async (page) => {
    await page.evaluate(() => fetch('/playground/enable', { method: 'POST' }))
    await page.locator('#again').click()
    await page.locator('#drawing[data-state=accepted]').waitFor()
    await pause(4000)
    await page.locator('#disable').click()
    await page.locator('#drawing[data-state=refused]').waitFor()
    await pause(3000)
    await page.evaluate(() => scrollTo(0, 0))
  }),
}

await Promise.all(
  LOOKS.map(async ({ suffix, ...look }) => {
    const context = await browser.newContext({ ...look, reducedMotion: 'no-preference', locale: 'en' })
    const page = await context.newPage()
    for (const [name, show] of Object.entries(PAGES)) {
      await show(page)
      await page.screenshot({ path: `${folder}${name}${suffix}.png` })
    }
  }),
)
await done()
