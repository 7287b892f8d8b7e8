// The playground, as a stranger uses it on their first day.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { browser, check, done, told, until } from './lib/harness.mjs'

const { playground, password } = told
const axe = readFileSync(join(told.packages, 'node_modules/axe-core/axe.min.js'), 'utf8')

const clock = () => {
  const now = Date.now
  globalThis.ahead = 0
  Date.now = () => now() + ahead
}

const context = await browser.newContext()
await context.addInitScript(clock)
const violations = []
await context.exposeFunction('violated', (what) => violations.push(what))
await context.addInitScript(() =>
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => violated(`${violatedDirective} ${blockedURI}`)),
)
const page = await context.newPage()
const failures = []
page.on('pageerror', (error) => failures.push(String(error)))
await page.goto(playground)

const text = (id) => page.locator(`#${id}`).innerText()
const state = (page) => page.locator('#drawing').getAttribute('data-state')
const becomes = (wanted, seconds) => until(`the drawing is ${wanted}`, async () => (await state(page)) === wanted, seconds)
const claims = async () => {
  const token = (await text('token')).replaceAll(/\s/g, '')
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))
}
const logged = (words) => until(words, async () => (await text('log')).includes(words))

async function isAccessible(what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' }) // no colour is half-way to another
    await page.evaluate(axe)
    const { violations } = await page.evaluate(() => axe.run())
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
    assert.deepEqual(found, [], `${what}, ${colorScheme}`)
  }
  await page.setViewportSize({ width: 320, height: 640 })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  assert(wide <= 0, `${what} is ${wide} px too wide for a phone`)
  await page.setViewportSize({ width: 1280, height: 800 })
}

await check('a wrong password is told at its field', async () => {
  await page.locator('#sign-in input[type=password]').waitFor()
  await isAccessible('the door')
  await page.keyboard.press('Tab')
  await page.locator('input[type=password]').fill('not this one')
  await page.keyboard.press('Enter')
  await until('it is refused', async () => (await text('problem')) !== '')
  assert.equal(await page.locator('input[type=password]').getAttribute('aria-invalid'), 'true')
})

await check('the demo user signs in by keyboard, and the API accepts the token', async () => {
  await page.locator('input[type=password]').fill(password)
  await page.keyboard.press('Enter')
  await becomes('accepted')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'use-title')
})

await check('the token is there in its parts, in words, and with its time', async () => {
  const { iss, client_id, exp, iat } = await claims()
  assert.equal(iss, new URL(playground).origin)
  assert.equal(client_id, 'demo-app')
  assert.equal(exp - iat, 60)
  const table = await text('claims')
  for (const words of ['Who issued it', 'Until when it is good', 'Demo']) assert(table.includes(words), words)
  await until('the clock runs', async () => parseInt(await text('left')) > 0)
  const before = parseInt(await text('left'))
  await until('a second has gone', async () => parseInt(await text('left')) < before)
  await isAccessible('the room')
})

await check('it is renewed, and a second tab has it, too', async () => {
  const { jti } = await claims()
  await page.evaluate(() => (ahead += 59_000)) // by this clock it is all but over
  await logged('Renewed, in')
  assert.notEqual((await claims()).jti, jti)
  await page.evaluate(() => (ahead = 0))
  const second = await context.newPage()
  await second.goto(playground)
  await until('the second tab is signed in', async () => (await state(second)) === 'accepted')
  await second.close()
})

await check('whoever tampers sees which check refuses', async () => {
  const tricks = {
    'as it is': '',
    'be somebody else': 'token_signature',
    'give me a role': 'token_signature',
    'live for ever': 'token_signature',
    'alg: none': 'token_algorithm_unknown',
    'alg: HS256': 'token_algorithm_wrong',
    'another key': 'token_key_unknown',
    'another kind': 'token_type',
    'one bit': 'token_signature',
    'two algorithms': 'token_header_duplicate',
  }
  const names = await page.locator('#tricks button').allInnerTexts()
  assert.deepEqual(names, Object.keys(tricks))
  for (const [name, code] of Object.entries(tricks)) {
    await page.locator('#outcome').evaluate((outcome) => outcome.removeAttribute('data-code'))
    await page.getByRole('button', { name, exact: true }).click()
    await until(name, async () => (await page.locator('#outcome').getAttribute('data-code')) === code)
    assert.equal(await page.locator('#checks .refused').count(), code ? 1 : 0, name)
  }
  await page.locator('textarea[name=header]').fill('{"alg":')
  await page.getByRole('button', { name: 'Show it to the API' }).click()
  await until('no JSON', async () => (await page.locator('#outcome').getAttribute('data-code')) === 'token_header')
  await isAccessible('the room, tampered with')
})

/** Presses a button, and says after how many milliseconds the drawing was red. */
async function turnsRed(button) {
  await becomes('accepted')
  await page.locator('#measured').evaluate((measured) => (measured.dataset.ms = ''))
  await page.locator(`#${button}`).click()
  await becomes('refused', 5)
  const { exp } = await claims()
  assert(exp - Date.now() / 1000 > 1, 'the token is not over by itself')
  const ms = Number(await page.locator('#measured').getAttribute('data-ms'))
  assert(ms > 0 && ms < 1000, `${ms} ms`)
  assert.match(await text('measured'), /^[\d.]+ ms\s*after you pressed/)
  assert.equal(await page.locator('#moments .refused').count() > 0, true)
  console.log(`RESULT: playground, ${button} to red: ${ms} ms`)
}

await check('what is revoked turns red at once, and long before it expires', async () => {
  await turnsRed('revoke')
  assert((await text('reason')).includes('(session_revoked)'))
  await isAccessible('the room, refused')
  await page.locator('#again').click()
  await becomes('accepted')
})

await check('who is disabled is refused until enabled, and stays so with the token of before', async () => {
  await turnsRed('disable')
  assert((await text('reason')).includes('(subject_revoked)'))
  await page.locator('#again').click()
  await until('nobody disabled signs in', async () => (await text('problem')).includes('disabled'))
  await page.locator('#enable-at-door').click()
  await becomes('accepted')
})

await check('no token is left in a storage or an address, and nothing broke the rules', async () => {
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]))
  assert(!kept.includes('eyJ'), kept)
  await page.locator('#sign-out').click()
  await page.locator('#door').waitFor()
  assert.equal(await page.locator('input[type=password]').inputValue(), '')
  assert.deepEqual(violations, [])
  assert.deepEqual(failures, [])
})

await done()
