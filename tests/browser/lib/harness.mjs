// What every script here begins with: what it was told, whom it may ask, and a browser.
//
//   target/tools/venv/bin/node tests/browser/<name>.mjs '<what it is told, as JSON>'
//
// crates/server/tests/browser runs the scripts next to servers of their own (script.rs, field.rs).

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What the test says: `long` (the long form is wanted), `chromium`, `packages`, and what is this script's alone. */
export const told = JSON.parse(process.argv[2])

// scripts/setup puts the packages under target/tools, where a script here would not look for them.
const installed = createRequire(join(told.packages, 'package.json'))

/** A package of package.json. */
export const load = (name) => import(pathToFileURL(installed.resolve(name)))

const waiting = []
createInterface({ input: process.stdin })
  .on('line', (line) => waiting.shift()(JSON.parse(line)))
  .on('close', () => process.exit(1)) // whoever runs this is gone
process.stdin.unref()

/** Asks the test for something that only it can do. */
export function ask(what) {
  console.log(`ASK: ${JSON.stringify(what)}`)
  process.stdin.ref()
  return new Promise((resolve) => waiting.push(resolve)).finally(() => process.stdin.unref())
}

const { chromium } = installed('playwright-core')

/** Debian's Chromium. It ends with the script. */
export const browser = await chromium.launch({
  executablePath: told.chromium,
  chromiumSandbox: process.getuid() !== 0, // which root cannot have
  args: [
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
    '--disable-quic',
  ],
})

/** One thing that must hold within four minutes. The first that does not ends the script. */
export async function check(name, test) {
  const began = performance.now()
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`no end after four minutes: ${name}`)), 240_000).unref()
  })
  await Promise.race([test(), late])
  console.log(`ok: ${name} (${Math.round(performance.now() - began)} ms)`)
}

/** The end, if all went well. */
export async function done() {
  await browser.close()
  process.exit(0)
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until it holds, and for `seconds` at most. */
export async function until(what, holds, seconds = 10) {
  const end = performance.now() + 1000 * seconds
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`in ${seconds} s it did not come to this: ${what}`)
    await pause(20)
  }
}
