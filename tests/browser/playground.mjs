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

await check('before the door stands what all this is about, and no code yet', async () => {
  await page.locator('#password').waitFor()
  for (const word of ['Countersign', 'session', 'token']) assert((await text('intro')).includes(word), word)
  assert(!(await page.locator('#code').isVisible()))
  await isAccessible('the door')
})

await check('a wrong password can be looked at, and is told at its field', async () => {
  const password = page.locator('#password')
  await password.fill('not this one')
  await page.getByRole('button', { name: 'Show the password' }).click()
  assert.equal(await password.getAttribute('type'), 'text')
  await page.keyboard.press('Enter')
  await until('it is refused', async () => (await text('problem')) !== '')
  assert.equal(await password.getAttribute('type'), 'password')
  assert.equal(await password.getAttribute('aria-invalid'), 'true')
})

await check('the demo user signs in by keyboard, and the API accepts the token', async () => {
  await page.locator('input[type=password]').fill(password)
  await page.keyboard.press('Enter')
  await becomes('accepted')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'use-title')
  assert(!(await page.locator('#intro').isVisible()))
  assert.equal(await text('who'), 'Signed in as Demo')
  assert((await text('room')).includes('Countersign tells it of revocations as they happen'), 'how the API hears of them')
  assert(await page.locator('#code').isVisible())
  assert(!(await page.getByRole('button', { name: 'Enable user' }).isVisible()), 'nobody is disabled')
})

await check('the token is there in its parts, in words, and with its time', async () => {
  const { iss, client_id, exp, iat } = await claims()
  assert.equal(iss, new URL(playground).origin)
  assert.equal(client_id, 'demo-app')
  assert.equal(exp - iat, 60)
  const table = await text('claims')
  for (const words of ['Who issued it', 'When it expires', 'Demo']) assert(table.includes(words), words)
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
    'Be another user': 'token_signature',
    'Add admin role': 'token_signature',
    'Expire in ten years': 'token_signature',
    'Set alg to none': 'token_algorithm_unknown',
    'Set alg to HS256': 'token_algorithm_wrong',
    'Unknown key': 'token_key_unknown',
    'Wrong token type': 'token_type',
    'Flip one bit': 'token_signature',
    'Two alg headers': 'token_header_duplicate',
    Unchanged: '',
  }
  const pressed = () => page.locator('[aria-pressed=true]').allInnerTexts()
  const names = await page.locator('#tricks button, #control button').allInnerTexts()
  assert.deepEqual(names, Object.keys(tricks))
  for (const [name, code] of Object.entries(tricks)) {
    await page.locator('#outcome').evaluate((outcome) => outcome.removeAttribute('data-code'))
    await page.getByRole('button', { name, exact: true }).click()
    await until(name, async () => (await page.locator('#outcome').getAttribute('data-code')) === code)
    assert.deepEqual(await pressed(), [name])
    assert((await text('why')).startsWith(`${name}. `), name)
    const checks = (await page.locator('#checks .sign').allInnerTexts()).join('')
    assert.match(checks, code ? /^✓*✗–*$/ : /^✓*$/)
    assert.equal(checks.length, 7)
    const outcome = await text('outcome')
    assert(outcome.endsWith(code && `(error code ${code})`), outcome)
    assert(outcome.startsWith(code ? `Refused by check ${checks.indexOf('✗') + 1} of 7: ` : 'Accepted: '), outcome)
  }
  await page.locator('textarea[name=header]').fill('{"alg":')
  assert.deepEqual(await pressed(), [])
  await page.getByRole('button', { name: 'Show it to the API' }).click()
  await until('no JSON', async () => (await page.locator('#outcome').getAttribute('data-code')) === 'token_header')
  await isAccessible('the room, tampered with')
})

const life = async () => (await text('life')).replaceAll(/\s+/g, ' ')
const lifeColour = () =>
  page.locator('#life progress').evaluate((bar) => getComputedStyle(bar).color)

/** Presses a button, and says after how many milliseconds the drawing was red. */
async function turnsRed(button) {
  await becomes('accepted')
  await page.locator('#measured').evaluate((measured) => (measured.dataset.ms = ''))
  await page.locator(`#${button}`).click()
  await becomes('refused')
  const { exp } = await claims()
  assert(exp - Date.now() / 1000 > 1, 'the token is not over by itself')
  const ms = Number(await page.locator('#measured').getAttribute('data-ms'))
  assert(ms > 0 && ms < 5000, `${ms} ms`)
  assert.match(await text('measured'), /^[\d.]+ ms\s*after you pressed/)
  assert(await page.locator('#moments .refused').count() > 0)
  console.log(`RESULT: playground, ${button} to red: ${ms} ms`)
}

await check('what is revoked turns red at once, and long before it expires', async () => {
  assert.match(await life(), /^Expires in \d+ s$/)
  const blue = await lifeColour()
  await turnsRed('revoke')
  assert.equal(await text('reason'), 'the session has been revoked: sign in again (error code session_revoked)')
  assert.match(await life(), /^Revoked\. It would have expired in \d+ s\.$/)
  assert.notEqual(await lifeColour(), blue)
  await isAccessible('the room, refused')
  await page.locator('#again').click()
  await becomes('accepted')
  assert.deepEqual((await page.locator('#lines text').allTextContents()).slice(-2), ['revoke', 'sign in'])
})

await check('who is disabled is refused until enabled, and stays so with the token of before', async () => {
  const enable = page.getByRole('button', { name: 'Enable user' })
  await turnsRed('disable')
  assert.equal(await text('reason'), 'the user is disabled (error code subject_revoked)')
  // A button that does nothing looks so under the mouse, too.
  const ground = (button) => button.evaluate((button) => getComputedStyle(button).backgroundColor)
  const idle = await ground(page.locator('#revoke'))
  await page.locator('#disable').hover()
  assert.equal(await ground(page.locator('#disable')), idle)
  // Nobody disabled signs in: enabling is what comes next, and looks so.
  assert.notEqual(await ground(enable), idle)
  const again = page.locator('#again')
  assert.equal(await again.getAttribute('aria-disabled'), 'true')
  assert.equal(await text('again-does'), 'Enable the user first.')
  assert.equal(await ground(again), idle)
  await isAccessible('the room, of somebody disabled')
  await again.click({ force: true })
  assert(!(await page.locator('#door').isVisible()))
  await enable.click()
  await enable.waitFor({ state: 'hidden' })
  assert((await text('measured')).includes('enabled'))
  await page.locator('#disable').waitFor()
  await page.locator('#again').click()
  await becomes('accepted')
  await turnsRed('disable')
  await page.reload()
  await page.locator('input[type=password]').fill(password)
  await page.keyboard.press('Enter')
  await until('nobody disabled signs in', async () => (await text('problem')).includes('disabled'))
  await page.locator('#enable-at-door').click()
  await becomes('accepted')
})

await check('on a phone the milliseconds are seen without scrolling, every bar is sharp, and none hides the press', async () => {
  const phone = await browser.newContext({
    viewport: { width: 390, height: 760 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 3,
    reducedMotion: 'reduce',
    storageState: await context.storageState(),
  })
  const page = await phone.newPage()
  await page.goto(playground)
  await until('it is accepted', async () => (await state(page)) === 'accepted')

  // One answer, of before the press, comes late after it.
  let arrive
  const late = new Promise((resolve) => (arrive = resolve))
  const asked = new Promise((resolve) => {
    const hold = async (route) => {
      const response = await route.fetch()
      resolve()
      await late
      await route.fulfill({ response })
    }
    void page.route('**/playground/lamp', hold, { times: 1 })
  })
  await asked
  const done = page.waitForResponse('**/playground/revoke')
  await page.locator('#revoke').tap()
  await done
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 200))) // some pixels
  arrive()
  await until('it is refused', async () => (await page.locator('#measured').getAttribute('data-ms')) !== '')

  const seen = await page.evaluate(() => {
    const box = (element) => element.getBoundingClientRect()
    const [measured, revoke, disable] = ['measured', 'revoke', 'disable'].map((id) => box(document.getElementById(id)))
    const left = box(document.querySelector('#drawing > svg')).x
    const bars = (kind) => [...document.querySelectorAll(`#moments ${kind}`)].map(box)
    const [press] = document.querySelectorAll('#lines .pressed')
    const lengths = bars('rect').flatMap(({ x, width }) => [x - left, width])
    return {
      bottom: measured.bottom + scrollY,
      isBeside: revoke.top === disable.top,
      blurred: lengths.map((length) => length * devicePixelRatio).filter((length) => Math.abs(length - Math.round(length)) > 0.01),
      name: press.querySelector('text').textContent,
      press: box(press.querySelector('rect')).x,
      accepted: Math.max(...bars('.accepted').map(({ x }) => x)),
      refused: Math.min(...bars('.refused').map(({ x }) => x)),
      isOver: press.parentNode.compareDocumentPosition(document.getElementById('moments')) === Node.DOCUMENT_POSITION_PRECEDING,
    }
  })
  assert(seen.bottom < 760, `${seen.bottom} px from the top`)
  assert(seen.isBeside)
  assert.deepEqual(seen.blurred, [])
  assert.equal(seen.name, 'revoke')
  assert(seen.accepted <= seen.press && seen.press <= seen.refused, JSON.stringify(seen))
  assert(seen.isOver)
  await phone.close()
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
