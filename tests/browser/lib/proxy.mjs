// A proxy in front of a server, which loses, cuts and holds up what it is told to.

import { createServer, request as forward } from 'node:http'

/** What can happen to a request. A `loss` leaves its sender without an answer, whether or not the server was asked. */
export const faults = {
  'lost request': { loss: true },
  'lost answer': { loss: true, asks: true },
  'cut answer': { loss: true, asks: true, cut: true },
  'no answer': { loss: true, asks: true, hold: Infinity },
  'slow answer': { asks: true, hold: 3000 },
  // Its cookie arrives when all others may have asked again.
  'late cookie': { asks: true, hold: 7000 },
}

export class Proxy {
  /** The port of the server; without one everything is lost. */
  port
  /** Says what happens to a request: a name of `faults`, or nothing. */
  fault = () => undefined
  /** Answers in the server's place: `{ status, headers, body }`, or nothing. */
  answer = () => undefined
  /** Hears of each request when it is over: `{ method, path, headers, fault, status, cookies, text }`, or `lost: true`. */
  heard = () => {}

  static async start() {
    const proxy = new Proxy()
    const server = createServer((request, response) => {
      proxy.#pass(request, response).catch(() => response.destroy())
    })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.unref()
    proxy.address = `http://localhost:${server.address().port}`
    return proxy
  }

  async #pass(request, response) {
    const { method, url: path, headers } = request
    const name = this.fault(request)
    const fault = faults[name] ?? { asks: true }
    const over = { method, path, headers, fault: name }
    const lose = () => {
      response.destroy()
      this.heard({ ...over, lost: true })
    }
    const body = Buffer.concat(await Array.fromAsync(request))
    if (!fault.asks) return lose()
    const answer = this.answer(request) ?? (await this.#forward(request, body).catch(() => undefined))
    if (!answer) return lose()
    if (fault.hold) await goneOrAfter(fault.hold, response)
    if (response.destroyed || (fault.loss && !fault.cut)) return lose()
    // One connection for each request: browsers ask again by themselves when one that was kept alive breaks off.
    response.writeHead(answer.status, { ...answer.headers, connection: 'close' })
    if (fault.cut) {
      response.write(answer.body.subarray(0, answer.body.length / 2), () => lose())
      return
    }
    response.end(answer.body)
    const cookies = answer.headers['set-cookie'] ?? []
    this.heard({ ...over, status: answer.status, cookies, text: answer.body.toString() })
  }

  #forward({ method, url: path, headers }, body) {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, method, path, headers, agent: false }
      const whole = async (answer) => {
        const { statusCode: status, headers } = answer
        return { status, headers, body: Buffer.concat(await Array.fromAsync(answer)) }
      }
      forward(options, (answer) => whole(answer).then(resolve, reject))
        .on('error', reject)
        .end(body)
    })
  }
}

/** Until so many milliseconds are over, or nobody waits for the answer any more. */
function goneOrAfter(ms, response) {
  return new Promise((resolve) => {
    if (ms !== Infinity) setTimeout(resolve, ms)
    response.on('close', resolve)
  })
}
