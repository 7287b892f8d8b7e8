// The server's own pages: by keyboard, with what is wrong at its field, for everybody's eyes and ears, and by the policy.

import assert from 'node:assert/strict'
import { ask, browser, check, done, load, told } from './lib/harness.mjs'
import { ADA, application } from './lib/application.mjs'

const { issuer, origin } = await application({
  settings: { COUNTERSIGN_PAGES_NAME: 'The Honourable Company of Countersigners' },
  pages: { '/in': '<!doctype html><title>In</title>' },
})
const back = `${origin}/in`
await ask({ command: ['client', 'add', 'shop', '--name', 'The Shop', '--origin', origin, '--redirect-uri', back] })
const login = `${issuer}/login?client_id=shop&state=where%20I%20was`

const context = await browser.newContext({ javaScriptEnabled: told.scripts, locale: 'en-GB' })
const page = await context.newPage()

// What the browser complains of, and whom it asks.
const complaints = []
const asked = new Set()
page.on('console', (message) => {
  // That an answer is a refusal is no complaint.
  const is_refusal = message.text().startsWith('Failed to load resource')
  if (message.type() == 'error' && !is_refusal) complaints.push(message.text())
})
page.on('pageerror', (error) => complaints.push(String(error)))
page.on('request', (request) => asked.add(new URL(request.url()).origin))

/** Waits until the reader is taken to a field: a page may be loaded a moment before. */
const is_taken_to = (id) => page.locator(`#${id}:focus`).waitFor()
const field = (name) => page.locator(`#${name}`)

/** What is said to be wrong with a field, as a screen reader tells it with the field. */
async function told_at(name) {
  assert.equal(await field(name).getAttribute('aria-invalid'), 'true')
  const ids = (await field(name).getAttribute('aria-describedby')).trim().split(' ')
  const texts = await Promise.all(ids.map((id) => page.locator(`#${id}`).textContent()))
  return texts.join(' ')
}

/** Types, as somebody does who has no mouse. */
async function type(...keys) {
  for (const key of keys) await (key.length > 1 && key.startsWith('<') ? page.keyboard.press(key.slice(1, -1)) : page.keyboard.type(key))
}

/** Sends the form that one is in, and waits for what comes. */
const send = () => Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])

await check('what is wrong is said at its field, and the reader is taken there', async () => {
  await page.goto(login)
  await is_taken_to('identifier')
  await send()
  await is_taken_to('identifier')
  assert.match(await told_at('identifier'), /Fill this in/)
  assert.match(await told_at('password'), /Fill this in/)
  assert.match(await page.title(), /^Mistake: /)
  await type(ADA.email)
  await field('password').focus()
  await type('not the one')
  await send()
  await is_taken_to('password')
  assert.match(await told_at('password'), /Wrong email, username or password/)
  assert.equal(await field('identifier').inputValue(), ADA.email)
  assert.equal(await field('password').inputValue(), '')
})

await check('by keyboard alone one signs in, and is back where one was', async () => {
  await page.goto(login)
  await is_taken_to('identifier')
  await type(ADA.email, '<Tab>', ADA.password)
  await Promise.all([page.waitForURL(`${back}?state=where%20I%20was`), page.keyboard.press('Enter')])
  const names = (await context.cookies()).map((cookie) => cookie.name)
  assert.ok(names.includes('countersign-shop'), names.join())
  assert.ok(names.includes('countersign-account.session'), names.join())
})

await check('the next application asks for no password', async () => {
  await page.goto(login)
  await page.getByRole('button', { name: 'Continue as Ada' }).focus()
  await Promise.all([page.waitForURL(`${back}?state=where%20I%20was`), page.keyboard.press('Enter')])
})

await check('the account is looked after', async () => {
  await page.goto(`${issuer}/`)
  assert.equal(page.url(), `${issuer}/account`)
  await page.getByLabel('Username').fill('ada')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('status').filter({ hasText: 'Your profile is saved.' }).waitFor()
  await page.getByRole('link', { name: 'Sessions' }).click()
  await page.getByText('This session').waitFor()
  await page.getByRole('link', { name: 'Activity' }).click()
  await page.getByText('Profile changed').waitFor()
  await page.getByRole('link', { name: 'change your password' }).click()
  await page.getByLabel('Current password').fill('not the one')
  await page.getByLabel('New password').fill('another analytical engine')
  await page.getByRole('button', { name: 'Change password' }).click()
  await page.getByText('This is not your current password.').waitFor()
  await is_taken_to('current_password')
})

if (told.scripts) {
  await check('what is typed into a password field can be looked at', async () => {
    await page.goto(`${issuer}/account/password`)
    const password = field('new_password')
    await password.fill('seen')
    await password.press('Tab')
    await page.keyboard.press('Enter')
    assert.equal(await password.getAttribute('type'), 'text')
    await is_taken_to('new_password')
    await page.getByRole('button', { name: 'Hide password' }).click()
    assert.equal(await password.getAttribute('type'), 'password')
  })

  const { default: axe } = await load('axe-core')
  const pages = ['/account', '/account/password', '/account/sessions', '/account/activity', '/logout', '/login', login.slice(issuer.length)]
  const before = ['/login', login.slice(issuer.length), '/register', '/password/forgotten', '/nowhere', '/login?client_id=nobody']
  const looks = [
    { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
    { colorScheme: 'dark', viewport: { width: 320, height: 640 } },
  ]
  await check('an accessibility engine finds nothing of weight, in light and dark, on a desk and in a hand', async () => {
    const state = await context.storageState()
    let looked = 0
    for (const look of looks) {
      for (const [storageState, paths] of [[state, pages], [undefined, before]]) {
        const other = await browser.newContext({ ...look, storageState, locale: 'en-GB' })
        const tab = await other.newPage()
        for (const path of paths) {
          await tab.goto(`${issuer}${path}`)
          if (!storageState && path == '/register') {
            await tab.getByRole('button', { name: 'Create account' }).click()
            await tab.getByText('Fill this in.').first().waitFor()
          }
          await tab.evaluate(axe.source)
          const { violations } = await tab.evaluate(() => axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
          const told = violations.flatMap(({ id, impact, nodes }) => nodes.map(({ html }) => `${impact} ${id}: ${html}`))
          assert.deepEqual(told, [], `${path} ${look.colorScheme}`)
          const wide = await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth)
          assert.equal(wide, false, `${path} is wider than ${look.viewport.width}`)
          looked++
        }
        await other.close()
      }
    }
    console.log(`RESULT: pages: axe finds nothing on ${looked} of ${looked} looks`)
  })
}

await check('signing out is a button, and says that it is done', async () => {
  await page.goto(`${issuer}/logout`)
  await page.getByRole('main').getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('You are signed out.').waitFor()
  const names = (await context.cookies()).map((cookie) => cookie.name)
  assert.ok(!names.includes('countersign-account.session'), names.join())
})

await check('nothing went against the policy, nothing was asked of strangers, nothing is kept', async () => {
  assert.deepEqual(complaints, [])
  assert.deepEqual([...asked].sort(), [issuer, origin].sort())
  const { origins } = await context.storageState()
  assert.deepEqual(origins, [])
})

await done()
