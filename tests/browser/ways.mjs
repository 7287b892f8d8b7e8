// The ways in which a project can have the client: from the server, by a bundler, with types. And its size.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { check, done, load, told } from './lib/harness.mjs'
import { ADA, application, becomes, person, signIn, tab } from './lib/application.mjs'

const source = fileURLToPath(new URL('../../clients/browser/', import.meta.url))
const sample = fileURLToPath(new URL('sample/', import.meta.url))
const bundle = {}
let readme
const { issuer, origin } = await application({
  pages: {
    '/readme': () => readme,
    '*': ({ url }) => bundle[url.slice(1)],
  },
})
const works = async (path) => {
  const page = await tab(await person(), origin + path)
  await signIn(page)
  await becomes(page, ADA.email)
  assert.match(await page.evaluate(() => client.getAccessToken()), /^ey/)
  await page.context().close()
}

// The project of the sample, into which the client is installed.
const project = await mkdtemp(join(tmpdir(), 'countersign-sample-'))
await cp(sample, project, { recursive: true })
await mkdir(join(project, 'node_modules/@countersign'), { recursive: true })
await symlink(source, join(project, 'node_modules/@countersign/browser'))

await check('what is served is under 4 kB', async () => {
  const served = await (await fetch(`${issuer}/client/countersign.js`)).text()
  assert.equal(served, await readFile(join(source, 'countersign.js'), 'utf8'))
  const size = gzipSync(served, { level: 9 }).length
  console.log(`RESULT: the browser client: ${size} bytes compressed (gzip -9), of 4000`)
  assert(size < 4000, `${size}`)
})

await check('from the server, as the README has it', async () => {
  const text = await readFile(join(source, 'README.md'), 'utf8')
  const [, html] = /^```html\n([^]*?)^```$/m.exec(text)
  readme = html.replaceAll('https://auth.example.com', issuer).replace("clientId: 'shop'", "clientId: 'app'")
  const page = await (await person()).newPage()
  await page.goto(`${origin}/readme`)
  await page.getByText('Who are you?').waitFor()
  await page.getByText('Sign in').click()
  await page.waitForURL(({ href }) => href.startsWith(`${issuer}/login?client_id=app&`))
  await page.context().close()
})

await check('from a script', () => works('/'))

await check('from a bundle of Vite', async () => {
  const { build } = await load('vite')
  process.env.VITE_ISSUER = issuer
  await build({ root: project, logLevel: 'error', base: '/' })
  const out = join(project, 'dist')
  for (const name of await readdir(out, { recursive: true })) {
    if (name.includes('.')) bundle[name] = await readFile(join(out, name))
  }
  await works('/index.html')
})

await check('with types, by tsc --strict', async () => {
  const folder = join(told.packages, 'node_modules/typescript')
  const { bin } = JSON.parse(await readFile(join(folder, 'package.json')))
  const tsc = promisify(execFile)(process.execPath, [join(folder, bin.tsc), '-p', project])
  await tsc.catch(({ stdout }) => assert.fail(stdout))
})

await rm(project, { recursive: true })
await done()
