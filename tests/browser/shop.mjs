// The page of examples/orders: visited without a token, to the server's page and back to where one was.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { browser, check, done, told, until } from './lib/harness.mjs'

const { server, orders, email, password } = told
const place = `${orders}/?order=7`
const axe = readFileSync(join(told.packages, 'node_modules/axe-core/axe.min.js'), 'utf8')

const context = await browser.newContext({ reducedMotion: 'reduce' })
const page = await context.newPage()
const failures = []
page.on('pageerror', (error) => failures.push(String(error)))
page.on('console', (message) => {
  if (message.text().includes('Content Security Policy')) failures.push(message.text())
})
const rows = page.locator('#orders tr')

await check('who is not signed in is sent to sign in, and is back where they were', async () => {
  await page.goto(place)
  await page.waitForURL((url) => url.origin === server && url.pathname === '/login')
  await page.locator('input[name=identifier]').fill(email)
  await page.locator('input[name=password]').fill(password)
  await page.keyboard.press('Enter')
  await page.waitForURL(place)
  await page.locator('#shop').waitFor()
})

await check('an order is placed, listed and taken back', async () => {
  await page.locator('input[name=quantity]').fill('2')
  await page.getByRole('button', { name: 'Order', exact: true }).click()
  await until('it is listed', async () => (await rows.count()) === 1)
  assert.match(await rows.first().innerText(), /2 × lamp/)
  await page.getByRole('status').filter({ hasText: 'Ordered: 2 × lamp.' }).waitFor()
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.evaluate(axe)
    const { violations } = await page.evaluate(() => axe.run())
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], colorScheme)
  }
  await page.getByRole('button', { name: 'Cancel 2 × lamp' }).click()
  await until('it is cancelled', async () => (await rows.first().innerText()).includes('cancelled'))
})

await check('a page that is loaded again is signed in, until one signs out', async () => {
  await page.reload()
  await until('the order is there', async () => (await rows.count()) === 1)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL((url) => url.origin === server && url.pathname === '/login')
  assert.deepEqual(failures, [])
})

await done()
