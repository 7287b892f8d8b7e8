// Pictures of every page, for docs/pictures: in light, in dark, and as on a phone. `make screenshots` runs it.

import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { browser, done, pause, told, until } from './lib/harness.mjs'

const { issuer, orders, password } = told
const folder = fileURLToPath(new URL('../../docs/pictures/', import.meta.url))
mkdirSync(folder, { recursive: true })

const EMAIL = 'demo@example.com'
const LOOKS = [
  { suffix: '', colorScheme: 'light', viewport: { width: 1100, height: 760 } },
  { suffix: '-dark', colorScheme: 'dark', viewport: { width: 1100, height: 760 }, userAgent: agent('Macintosh; Intel Mac OS X 10_15_7', '') },
  { suffix: '-phone', colorScheme: 'light', viewport: { width: 390, height: 760 }, isMobile: true, hasTouch: true, userAgent: agent('Linux; Android 16', 'Mobile ') },
]

/** What a browser on another system says of itself, so that a list of devices has some. */
function agent(system, kind) {
  return `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 ${kind}Safari/537.36`
}

/** The sign-in page, filled in and sent. */
async function signIn(page, secret = password) {
  await page.locator('input[name=identifier]').fill(EMAIL)
  await page.locator('input[name=password]').fill(secret)
  await page.keyboard.press('Enter')
}

const come = {}

/** Goes on when all looks have come so far. */
async function together(far) {
  come[far] = (come[far] ?? 0) + 1
  await until(far, () => come[far] == LOOKS.length, 60)
}

/** Signed in on the server's own pages, by when the others are, too. */
async function enter(page) {
  await page.context().clearCookies()
  await page.goto(`${issuer}/login`)
  await signIn(page)
  await page.waitForURL(/account/)
  await together('all are signed in')
}

/** With what has been saved. */
async function save(page) {
  await page.locator('input[name=username]').fill('demo')
  await page.locator('.short .main').click()
  await page.getByRole('status').waitFor()
}

/** At the page of the orders service, as somebody new, with orders of which one was taken back. */
async function order(page, look) {
  await page.goto(`${issuer}/register?client_id=shop`)
  await page.locator('input[name=name]').fill('Ada Lovelace')
  await page.locator('input[name=email]').fill(`ada@look${look}.example`)
  await page.locator('input[name=password]').fill('seven sentries at the gate')
  await page.keyboard.press('Enter')
  const said = (text) => page.locator('#said').filter({ hasText: text }).waitFor()
  for (const [sku, quantity] of [['desk', 1], ['chair', 4], ['lamp', 2]]) {
    await page.locator('select[name=sku]').selectOption(sku)
    await page.locator('input[name=quantity]').fill(`${quantity}`)
    await page.getByRole('button', { name: 'Order', exact: true }).click()
    await said(`Ordered: ${quantity}`)
    if (sku == 'desk') {
      await page.getByRole('button', { name: 'Cancel' }).click()
      await said('Cancelled')
    }
  }
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
let turn = Promise.resolve()
const inTurn = (show) => async (page) => {
  await together('all are done with what they have in common')
  return (turn = turn.then(() => show(page)))
}

// Those of the pages, whole however long they are; then the playground's.
const PAGES = {
  'sign-in': (page) => page.goto(`${issuer}/login?client_id=shop`),
  'sign-in-german': (page) => page.goto(`${issuer}/login?client_id=shop&ui_locales=de`),
  'sign-in-mistaken': async (page) => {
    await page.goto(`${issuer}/login?client_id=shop`)
    await signIn(page, 'not this one')
    await page.getByRole('alert').waitFor()
  },
  register: (page) => page.goto(`${issuer}/register?client_id=shop`),
  'register-mistaken': async (page) => {
    await page.locator('input[name=name]').fill('Ada')
    await page.locator('input[name=email]').fill('ada@example.com')
    await page.locator('input[name=password]').fill('short')
    await page.keyboard.press('Enter')
    await page.locator('#password-wrong').waitFor()
  },
  orders: order,
  forgotten: (page) => page.goto(`${issuer}/password/forgotten`),
  error: (page) => page.goto(`${issuer}/no-such-page`, { waitUntil: 'load' }),
  account: enter,
  'account-saved': save,
  password: (page) => page.goto(`${issuer}/account/password`),
  continue: (page) => page.goto(`${issuer}/login?client_id=shop`),
  sessions: async (page) => {
    await page.locator('button[name=continue]').click()
    await page.waitForURL(`${orders}/`)
    await together('all are at the orders')
    await page.goto(`${issuer}/account/sessions`)
  },
  activity: (page) => page.goto(`${issuer}/account/activity`),
  'sign-out': (page) => page.goto(`${issuer}/logout`),
  'playground-door': async (page) => {
    await page.goto(`${issuer}/playground`)
    await page.locator('#door').waitFor()
  },
  playground: (page) => play(page, 20),
  token: (page) => page.locator('#token-title').evaluate((title) => title.parentElement.scrollIntoView()),
  tampered: async (page) => {
    await page.getByRole('button', { name: 'Be another user' }).click()
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
  LOOKS.map(async ({ suffix, ...look }, number) => {
    const context = await browser.newContext({ ...look, reducedMotion: 'no-preference', locale: 'en-GB' })
    const page = await context.newPage()
    for (const [name, show] of Object.entries(PAGES)) {
      const isOfPlayground = /^(playground|token|tampered|revoked)/.test(name)
      if (told.only && told.only !== (isOfPlayground ? 'playground' : 'pages')) continue
      await show(page, number)
      await page.screenshot({ path: `${folder}${name}${suffix}.png`, fullPage: !isOfPlayground })
    }
  }),
)
await done()
