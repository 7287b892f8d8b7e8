// Tokens as attackers make them, and which check refuses each.

import { $, cell } from './elements.js'
import { TRICKS, UNCHANGED } from './tricks.js'
import { write } from './token.js'

const CHECKS = {
  form: 'Three parts of base64url',
  header: 'A header of the right kind',
  key: 'A published key of this id, for this algorithm',
  signature: 'That key’s signature over these very bytes',
  claims: 'From this issuer, for this audience',
  time: 'Not expired',
  revocations: 'Not revoked',
}
const MARKS = { passed: ['✓', 'passed'], refused: ['✗', 'refused'], unseen: ['–', 'not reached'] }

export class Forging {
  #ask
  #why
  #genuine = {} // the texts of the token's parts
  #isForged = false // whether the fields hold something else
  #fields = ['header', 'payload', 'signature'].map((name) => $('tampered').elements[name])
  #buttons

  /** `ask` shows a token to the API, and `why` words its refusal. */
  constructor({ ask, why }) {
    this.#ask = ask
    this.#why = why
    this.#buttons = new Map([...TRICKS, UNCHANGED].map((trick) => [trick, this.#button(trick)]))
    $('tampered').addEventListener('input', () => {
      this.#isForged = true
      this.#name(null)
    })
    $('tampered').addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#attempt()
    })
  }

  /** Begins with this token. What somebody is trying stays. */
  show(texts) {
    this.#genuine = texts
    if (!this.#isForged) this.#fill(texts)
  }

  #button(trick) {
    const button = cell('button', trick.name, 'small')
    button.type = 'button'
    button.ariaPressed = 'false'
    button.addEventListener('click', async () => {
      try {
        this.#fill(await trick.of(this.#genuine))
      } catch {
        return unanswered()
      }
      this.#isForged = trick !== UNCHANGED
      this.#name(trick)
      await this.#attempt()
    })
    $(trick === UNCHANGED ? 'control' : 'tricks').append(button)
    return button
  }

  #fill(texts) {
    for (const field of this.#fields) field.value = texts[field.name]
  }

  /** Says which trick the fields hold: none of them, once somebody has changed them. */
  #name(held) {
    for (const [trick, button] of this.#buttons) button.ariaPressed = String(trick === held)
    $('why').replaceChildren(...(held ? [cell('b', `${held.name}.`, ''), ` ${held.why}`] : []))
  }

  async #attempt() {
    const texts = Object.fromEntries(this.#fields.map(({ name, value }) => [name, value]))
    let told
    try {
      told = await this.#ask(write(texts))
    } catch {
      return unanswered()
    }
    const names = Object.keys(CHECKS)
    const stopped = told.accepted ? names.length : names.indexOf(told.check)
    $('checks').replaceChildren(
      ...names.map((check, index) => line(check, index < stopped ? 'passed' : index === stopped ? 'refused' : 'unseen')),
    )
    if (told.accepted) conclude('accepted', '', `Accepted: it passed all ${names.length} checks.`)
    else conclude('refused', told.code, `Refused by check ${stopped + 1} of ${names.length}: `, ...this.#why(told))
  }
}

function line(check, state) {
  const [sign, word] = MARKS[state]
  const mark = cell('b', sign, 'sign')
  mark.ariaHidden = 'true'
  const line = cell('li', '', state)
  line.append(mark, cell('span', CHECKS[check], ''), cell('small', word, ''))
  return line
}

function unanswered() {
  $('checks').replaceChildren()
  conclude('none', '', 'This does not even fit into a request, or the server is away.')
}

function conclude(state, code, ...text) {
  Object.assign($('outcome').dataset, { state, code })
  $('outcome').replaceChildren(...text)
}
