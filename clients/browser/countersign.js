// @countersign/browser keeps a browser signed in. countersign.d.ts says what is here, README.md why it is so.

// How long a renewal may take, in ms: less than half of the server's interval (20 s).
const PATIENCE = 8000
// What a token must have left to be sent.
const MARGIN = 2000

const NOBODY = { user: null, life: 0, begun: 0, mark: 0 }

export class CountersignError extends Error {
  name = 'CountersignError'
  constructor(code, message, details) {
    super(message)
    Object.assign(this, details, { code })
  }
}

export function createClient({ issuer, clientId = 'default', redirectUri, origins = [] }) {
  const { document, location, navigator, performance } = globalThis
  const base = new URL(issuer).origin
  const name = `countersign ${base} ${clientId}`
  const trusted = [base, globalThis.origin, ...origins.map((url) => new URL(url).origin)]
  const channel = globalThis.BroadcastChannel && new BroadcastChannel(name)
  const listeners = new Set()

  // Whose token (undefined: not known yet), how long it lives, and when it was asked for, by two clocks.
  let known = { ...NOBODY, user: undefined }
  // The one renewal for all who ask; what ends its waiting for other tabs, and its request.
  let running, waiting, asking
  // Counts sign-ins and sign-outs: what was asked before is not believed after.
  let turn = 0
  let failed, timer
  let failures = 0

  // One clock can be set back, the other stands still in sleep.
  const left = () => known.life - Math.max(Date.now() - known.begun, performance.now() - known.mark)
  const lead = () => Math.min(known.life / 3, 60_000)
  const isDue = () => left() <= lead()

  function become(next) {
    const isNew = JSON.stringify(next.user) != JSON.stringify(known.user)
    known = isNew ? next : { ...next, user: known.user }
    failed = undefined
    failures = 0
    plan()
    if (isNew) listeners.forEach(tell)
  }

  // In a turn of its own: a listener may throw.
  const tell = (listener) => queueMicrotask(() => listener(known.user))

  // At a time of this tab's own, so that one of many is the first.
  function plan() {
    clearTimeout(timer)
    if (known.user === null) return
    const wait = failed
      ? Math.max(1000 * (failed.retryAfter ?? 0), 500 * Math.min(2 ** failures, 60) * (1 + Math.random()))
      : left() - lead() * (1 - Math.random() / 4)
    timer = setTimeout(tick, wait)
  }

  function tick() {
    failed = undefined
    if (known.user === null) return
    if (isDue()) look()
    else plan()
  }

  // A page out of the browser's cache has heard nothing meanwhile.
  function wake({ persisted }) {
    failures = 0
    if (persisted) look(known.token)
    else tick()
  }

  // Without a channel other tabs hear words through storage, never a token.
  function say(message) {
    if (channel) channel.postMessage(message)
    else if (typeof message == 'string') globalThis.localStorage?.setItem(name, `${message} ${Math.random()}`)
  }

  function hear(message) {
    const age = Date.now() - message.begun
    if (message == 'hello') {
      if (!isDue()) say(known)
    } else if (message == 'out') {
      stop()
      become(NOBODY)
    } else if (message == 'in' || (message == 'gone' ? known.user : known.user === null)) {
      // Rumours: the server knows.
      look(known.token)
    } else if (message.life - age > left()) {
      become({ ...message, mark: performance.now() - age })
      waiting?.abort()
    }
  }

  // Runs a task when no other tab does, or after a while all the same: this only saves requests.
  async function alone(patience, task) {
    let isMine
    waiting = new AbortController()
    const signal = AbortSignal.any([waiting.signal, AbortSignal.timeout(patience)])
    try {
      return await navigator.locks.request(name, { signal }, () => {
        isMine = true
        return task()
      })
    } catch (error) {
      if (isMine) throw error
      return task()
    }
  }

  async function call(path, body, headers, signal = AbortSignal.timeout(30_000)) {
    const asked = { begun: Date.now(), mark: performance.now() }
    try {
      const response = await fetch(base + path, {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        credentials: 'include',
        redirect: 'error',
        signal,
      })
      const { ok, status } = response
      const answer = status == 204 ? {} : await response.json().catch((error) => (ok ? Promise.reject(error) : {}))
      if (ok) return { ...answer, ...asked }
      const { code = 'unavailable', detail = `HTTP ${status}`, field } = answer
      const retryAfter = Number(response.headers.get('Retry-After')) || undefined
      throw new CountersignError(code, detail, { status, field, retryAfter })
    } catch (error) {
      if (error instanceof CountersignError) throw error
      throw new CountersignError(error.name == 'TimeoutError' ? 'timeout' : 'network', `${base} did not answer`, { cause: error })
    }
  }

  function accept({ user, access_token: token, expires_in, begun, mark, challenge }) {
    if (!expires_in) throw new CountersignError(challenge ? 'challenge' : 'no_token', 'no token came', { challenge })
    become({ user, token, life: 1000 * expires_in, begun, mark })
    say(known)
  }

  // Renews, unless a token other than the refused one turns up.
  function renew(refused) {
    running ??= alone(PATIENCE + 1000, () => attempt(refused)).finally(() => {
      running = undefined
      plan()
    })
    return running
  }

  const look = (refused) => renew(refused).catch(() => {})

  async function attempt(refused, isSecond) {
    const before = turn
    const isDone = () => before != turn || (!isDue() && known.token != refused)
    if (channel && !isSecond && !isDone()) {
      say('hello')
      await new Promise((resolve) => setTimeout(resolve, known.token ? 200 : 30))
    }
    if (isDone()) return
    const { token } = known
    asking = new AbortController()
    try {
      const signal = AbortSignal.any([asking.signal, AbortSignal.timeout(PATIENCE)])
      const answer = await call('/v1/refresh', { client_id: clientId }, {}, signal)
      if (before == turn) accept(answer)
    } catch (error) {
      if (before != turn || token != known.token) return
      if (error.status != 401) {
        failures++
        failed = error
        throw error
      }
      // Another tab may have put a better cookie into the jar: over is what the server says is over twice.
      if (error.code != 'no_refresh_token' && !isSecond) return attempt(refused, true)
      if (known.user) say('gone')
      become(NOBODY)
    }
  }

  // After a failure not before the next attempt.
  const need = (refused) => (failed ? Promise.reject(failed) : renew(refused))

  function stop() {
    turn++
    asking?.abort()
  }

  async function getAccessToken() {
    if (known.user !== null && left() < MARGIN) await need()
    return (left() > 0 && known.token) || null
  }

  async function fetchWithToken(input, init) {
    const request = new Request(input, init)
    const token = trusted.includes(new URL(request.url).origin) && (await getAccessToken())
    const send = (request, token) => {
      request.headers.set('Authorization', `Bearer ${token}`)
      return fetch(request)
    }
    if (!token) return fetch(request)
    const again = request.clone()
    const response = await send(request, token)
    if (response.status != 401) return response
    if (token == known.token) await need(token).catch(() => {})
    return known.token && token != known.token ? send(again, known.token) : response
  }

  async function signIn(credentials) {
    if (!credentials) return leave()
    stop()
    return alone(2000, async () => {
      const answer = await call('/v1/login', { ...credentials, client_id: clientId })
      stop()
      accept(answer)
      if (!channel) say('in')
      return known.user
    })
  }

  async function signOut() {
    stop()
    await alone(2000, async () => {
      const headers = known.token && { Authorization: `Bearer ${known.token}` }
      await call('/v1/logout', { client_id: clientId }, headers).catch((error) => {
        if (error.status != 401) throw error
      })
      stop()
      become(NOBODY)
      say('out')
    })
  }

  const register = async (registration) => (await call('/v1/register', registration)).user

  function onChange(listener) {
    listeners.add(listener)
    if (known.user !== undefined) tell(listener)
    return () => listeners.delete(listener)
  }

  // Where one was stays here, under a name that only this tab knows.
  function leave() {
    const state = crypto.randomUUID()
    sessionStorage.setItem(`${name} ${state}`, location.href)
    const query = { client_id: clientId, redirect_uri: redirectUri ?? `${location.origin}/`, state }
    location.assign(`${base}/login?${new URLSearchParams(query)}`)
    return new Promise(() => {})
  }

  function comeBack() {
    const state = document && new URL(location).searchParams.get('state')
    const place = state && sessionStorage.getItem(`${name} ${state}`)
    if (!place) return
    sessionStorage.removeItem(`${name} ${state}`)
    say('in')
    if (place == location.href.split('?')[0]) return history.replaceState(null, '', place)
    location.replace(place)
    // A renewal would be cut off with the page.
    running = new Promise(() => {})
  }

  if (channel) channel.onmessage = ({ data }) => hear(data)
  globalThis.addEventListener?.('storage', ({ key, newValue }) => {
    if (key == name && newValue) hear(newValue.split(' ')[0])
  })
  for (const event of ['online', 'pageshow']) globalThis.addEventListener?.(event, wake)
  for (const event of ['visibilitychange', 'resume']) document?.addEventListener(event, wake)
  comeBack()
  look()

  return {
    get user() {
      return known.user
    },
    fetch: fetchWithToken,
    getAccessToken,
    onChange,
    register,
    signIn,
    signOut,
  }
}
