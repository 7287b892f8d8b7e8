// The playground. What keeps the browser signed in is `/client/countersign.js`; the rest is watching it.

import { createClient } from '/client/countersign.js'
import './copying.js'
import { Drawing } from './drawing.js'
import { $, cell, curly } from './elements.js'
import { Forging } from './forging.js'
import { explain, read } from './token.js'

const PACE = 250 // ms between two questions

const client = createClient({ issuer: location.origin, clientId: document.body.dataset.client })
const drawing = new Drawing($('drawing'))
const forging = new Forging({ ask, why })

let token = null // the last token: it goes on being shown to the API when it is revoked
let inside = false // whether the client holds it, too
let entering = false // whether a password is on its way
let answer = null // the API's last, to this token
let pressed = null // what was pressed, and is not noticed yet
let disabled = false // whether the user is, as far as this page knows
let renewal = null // how long this tab's last renewal took
let wake = () => {}

const left = () => read(token).claims.exp - Date.now() / 1000
const shown = (ms) => ms.toFixed(ms < 10 ? 1 : 0)

// ---- Coming in, and going out.

const { password, email } = $('sign-in').elements

$('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault()
  const button = $('sign-in').querySelector('.main')
  if (button.disabled) return
  if (!password.value) return refuse('Type the password first.')
  button.disabled = entering = true
  reveal(false)
  try {
    await client.signIn({ email: email.value, password: password.value })
    refuse('')
    await look()
  } catch (error) {
    refuse(curly(`${error.message[0].toUpperCase()}${error.message.slice(1)}.`), error.code)
  }
  button.disabled = entering = false
})

function refuse(why, code) {
  $('problem').textContent = why
  $('enable-at-door').hidden = code !== 'account_disabled'
  if (code === 'account_disabled') setDisabled(true)
  password.setAttribute('aria-invalid', String(Boolean(why)))
  if (!why) return
  open()
  password.focus()
}

/** Opens the door; and who is not inside is told what all this is about. */
function open() {
  $('door').hidden = false
  $('intro').hidden = !$('room').hidden
}

function reveal(shown) {
  password.type = shown ? 'text' : 'password'
  password.spellcheck = false
  $('reveal').classList.toggle('shown', shown)
  $('reveal').ariaLabel = shown ? 'Hide the password' : 'Show the password'
}

$('reveal').addEventListener('click', () => {
  reveal(password.type === 'password')
  password.focus()
})

$('again').addEventListener('click', () => {
  if (disabled) return
  // It is still in its field, unless the page was loaded again.
  if (password.value) return $('sign-in').requestSubmit()
  open()
  password.focus()
})

$('sign-out').addEventListener('click', async () => {
  const before = inside
  inside = false
  try {
    await client.signOut()
  } catch (error) {
    inside = before
    return note(curly(`Not signed out: ${error.message}.`))
  }
  token = answer = pressed = null
  password.value = ''
  $('room').hidden = $('session').hidden = true
  open()
  password.focus()
})

client.onChange((user) => {
  if (!user && !token) open()
  void look()
})

// ---- The token that the client holds.

let looking = null
/** Takes it up, if it is another one than the one that is shown. */
const look = () => (looking ??= lookOnce().finally(() => (looking = null)))

async function lookOnce() {
  try {
    const next = await client.getAccessToken()
    if (next && next !== token) adopt(next)
    if (!next && inside) {
      inside = false
      note('The session’s cookie is refused, too: nothing more is renewed.')
      $('returning').hidden = false
    }
  } catch {
    // The client tries again by itself, and the token of before may still be good.
  }
}

// A renewal of this very tab is a request of its own, which the browser tells of.
new PerformanceObserver((list) => {
  for (const { name, duration } of list.getEntries()) {
    if (new URL(name).pathname === '/v1/refresh') renewal = duration
  }
  performance.clearResourceTimings()
}).observe({ type: 'resource' })

function adopt(next) {
  const before = token
  const isSame = before && read(before).claims.sid === read(next).claims.sid
  token = next
  inside = true
  if (isSame) {
    drawing.line('renewed', 'renew')
    // It is told of a moment later.
    setTimeout(() => {
      note(renewal === null ? 'Another tab has renewed the token, for this one, too.' : `Renewed, in ${shown(renewal)} ms.`)
      renewal = null
    }, 100)
  } else {
    answer = null
    setDisabled(false)
    if (before || entering) drawing.line('signed', 'sign in')
    if (entering) note('Signed in, in a new session.')
    else note(before ? 'Another tab has signed in.' : 'The cookie of a session was there: no password was needed.')
    setTimeout(() => (renewal = null), 100)
  }
  enter()
}

function enter() {
  const isNew = $('room').hidden
  $('door').hidden = $('intro').hidden = true
  $('room').hidden = $('session').hidden = false
  // Whoever pressed what is gone now goes on at the buttons.
  if ($('returning').contains(document.activeElement)) $('revoke').focus()
  $('returning').hidden = true
  $('who').textContent = `Signed in as ${client.user?.name ?? client.user?.email}`
  show()
  if (isNew && entering) $('use-title').focus()
  wake()
}

function show() {
  const { parts, texts, header, claims } = read(token)
  for (const part of ['header', 'payload', 'signature']) {
    $('token').querySelector(`.${part}`).textContent = parts[part]
  }
  const rows = explain({ header, claims }).map(({ part, name, value, meaning }) => {
    const row = document.createElement('tr')
    const head = cell('th', name, part)
    head.scope = 'row'
    row.append(head, cell('td', value, 'value'), cell('td', meaning, 'meaning'))
    return row
  })
  $('claims').replaceChildren(...rows)
  $('life').querySelector('progress').max = claims.exp - claims.iat
  tick()
  $('curl').textContent = `curl -sS ${location.origin}/v1/me -H "Authorization: Bearer ${token}"`
  forging.show({ ...texts, signature: parts.signature })
}

function tick() {
  if (!token) return
  const seconds = Math.max(0, Math.ceil(left()))
  const isRevoked = answer?.check === 'revocations'
  $('life').dataset.state = isRevoked ? 'revoked' : 'good'
  $('life').querySelector('progress').value = Math.max(0, left())
  if (isRevoked) tellOfLife('Revoked.', seconds ? `It would have expired in ${seconds} s.` : 'By now it would have expired.')
  else if (seconds) tellOfLife('Expires in', `${seconds} s`)
  else tellOfLife('Expired', '')
}

function tellOfLife(label, text) {
  $('left-label').textContent = label
  $('left').textContent = text
}

setInterval(tick, PACE)

function note(text) {
  const now = new Date()
  const time = document.createElement('time')
  time.dateTime = now.toISOString()
  time.textContent = now.toLocaleTimeString()
  const line = document.createElement('p')
  line.append(time, text)
  const log = $('log')
  log.append(line)
  while (log.children.length > 50) log.firstChild.remove()
  log.scrollTop = log.scrollHeight
}

// ---- The API.

async function ask(token) {
  const headers = { Authorization: `Bearer ${token}` }
  const response = await fetch('/playground/lamp', { headers, cache: 'no-store' })
  return { accepted: response.ok, ...(await response.json()) }
}

async function watch() {
  for (;;) {
    await new Promise((resolve) => {
      wake = resolve
      setTimeout(resolve, pressed ? 0 : PACE)
    })
    if (!token) continue
    if (inside) void look()
    else if (left() < -5) continue
    const asked = token
    const at = performance.now()
    try {
      const told = await ask(asked)
      if (asked === token) tell(told, at)
    } catch {
      drawing.answer('missing', at)
      say('No answer', 'the server is away')
    }
  }
}

function tell(told, asked) {
  const at = performance.now()
  answer = told
  drawing.answer(told.accepted ? 'accepted' : 'refused', asked)
  // Not `disabled`: whoever pressed it by keyboard would lose their place.
  for (const button of ['revoke', 'disable']) $(button).ariaDisabled = String(!told.accepted)
  if (told.accepted) return say('Accepted', `checked in ${told.micros.toFixed(1)} µs`)
  say('Refused', ...why(told))
  $('returning').hidden = false
  tick()
  if (pressed) measure(at)
}

let said = 0
function say(verdict, ...reason) {
  const isNew = $('verdict').textContent !== verdict
  if (isNew) $('verdict').textContent = verdict
  // What changes four times a second cannot be read.
  if (!isNew && performance.now() - said < 1000) return
  $('reason').replaceChildren(...reason)
  said = performance.now()
}

/** Why it was refused: in this page's words where the guard's would send somebody disabled to sign in. */
function why({ code, detail }) {
  if (code === 'subject_revoked' && disabled) detail = 'the user is disabled'
  if (code === 'session_revoked') detail = 'the session has been revoked: sign in again'
  return [`${curly(detail)} (error code `, cell('code', code, ''), ')']
}

// ---- Revoking it.

function measure(at) {
  const ms = at - pressed.at
  const rest = `after you pressed “${pressed.what}”, the token was refused. It would have expired in ${Math.max(0, Math.ceil(left()))} s.`
  $('measured').dataset.ms = ms.toFixed(1)
  $('measured').replaceChildren(cell('b', `${shown(ms)} ms`, ''), rest)
  note(`Refused, ${shown(ms)} ms after “${pressed.what}”.`)
  pressed = null
}

async function press({ target }) {
  if (!answer?.accepted) return
  pressed = { what: target.textContent, at: performance.now() }
  drawing.line('pressed', target.id, pressed.at)
  if (target.id === 'disable') setDisabled(true)
  wake()
  if (await deed(target.id)) return
  pressed = null
  setDisabled(false)
}

/** Shows what can be done next: nobody who is disabled can sign in. */
function setDisabled(isDisabled) {
  disabled = isDisabled
  if (!disabled && $('enabling').contains(document.activeElement)) $('again').focus()
  $('enabling').hidden = !disabled
  $('again').ariaDisabled = String(disabled)
  $('again-does').textContent = disabled ? 'Enable the user first.' : 'Begins a new session, with a new token.'
}

/** Asks for what a button says; whether it was done. */
async function deed(name) {
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : {}
    const response = await fetch(`/playground/${name}`, { method: 'POST', headers })
    if (response.ok) return true
    $('measured').textContent = curly((await response.json()).detail)
  } catch {
    $('measured').textContent = 'The server does not answer.'
  }
  return false
}

$('revoke').addEventListener('click', press)
$('disable').addEventListener('click', press)
$('enable').addEventListener('click', async () => {
  if (!(await deed('enable'))) return
  setDisabled(false)
  const text = 'The demo user is enabled, and may sign in. Old tokens stay revoked.'
  $('measured').textContent = text
  note(text)
})
$('enable-at-door').addEventListener('click', async () => {
  if (!(await deed('enable'))) return
  setDisabled(false)
  $('sign-in').requestSubmit()
})

setDisabled(false)
void watch()
