// The pages of an application, on an origin of its own.

import { createServer } from 'node:http'

const types = { js: 'text/javascript', json: 'application/json', css: 'text/css' }

/** Serves what `pages` has for a path: a text, or a function of the request and the response. Gives the origin. */
export async function site(pages) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    const page = pages[pathname] ?? pages['*']
    const text = typeof page == 'function' ? await page(request, response) : page
    if (response.writableEnded) return
    if (text === undefined) response.statusCode = 404
    const type = types[pathname.split('.').at(-1)] ?? 'text/html'
    response.setHeader('content-type', `${type}; charset=utf-8`).end(text)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return `http://localhost:${server.address().port}`
}
