// The ways in which a project can have the client: from the server, by a bundler, with types. And its size.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
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
  redirects: ['/'],
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

/** The README's example in this language, with this server and application in the place of its own. */
function example(language) {
  const text = readFileSync(join(source, 'README.md'), 'utf8')
  const [, code] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(text)
  return code.replaceAll('https://auth.example.com', issuer).replace("clientId: 'shop'", "clientId: 'app'")
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
  readme = example('html')
  const page = await (await person()).newPage()
  await page.goto(`${origin}/readme`)
  await page.getByText('Who are you?').waitFor()
  await page.getByText('Sign in').click()
  await page.fill('[name=identifier]', ADA.email)
  await page.fill('[name=password]', ADA.password)
  await page.press('[name=password]', 'Enter')
  await page.getByText('Hello Ada').waitFor()
  assert.equal(page.url(), `${origin}/readme`)
  await page.context().close()
})

await check('from a script', () => works('/'))

/** Bundles what this page of the project needs. */
async function bundled(page) {
  const { build } = await load('vite')
  process.env.VITE_ISSUER = issuer
  const rolldownOptions = { input: join(project, page) }
  await build({ root: project, configFile: false, logLevel: 'error', build: { rolldownOptions } })
  const out = join(project, 'dist')
  for (const name of await readdir(out, { recursive: true })) {
    if (name.includes('.')) bundle[name] = await readFile(join(out, name))
  }
}

await check('from a bundle of Vite', async () => {
  await bundled('index.html')
  await works('/index.html')
})

await check('in React, as the README has it', async () => {
  await writeFile(join(project, 'recipe.jsx'), example('jsx'))
  for (const name of ['react', 'react-dom', 'scheduler']) {
    await symlink(join(told.packages, 'node_modules', name), join(project, 'node_modules', name))
  }
  await bundled('react.html')
  const page = await (await person()).newPage()
  await page.goto(`${origin}/react.html`)
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  await page.evaluate((ada) => client.signIn(ada), ADA)
  await page.getByRole('button', { name: 'Sign Ada out' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  await page.context().close()
})

await check('with types, by tsc --strict', async () => {
  const folder = join(told.packages, 'node_modules/typescript')
  const { bin } = JSON.parse(await readFile(join(folder, 'package.json')))
  const tsc = promisify(execFile)(process.execPath, [join(folder, bin.tsc), '-p', project])
  await tsc.catch(({ stdout }) => assert.fail(stdout))
})

await rm(project, { recursive: true })
await done()
