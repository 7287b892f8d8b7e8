// The shop, in the browser. Who is signed in, the issuer's client knows; the rest is GraphQL.

const $ = (id) => document.getElementById(id)
const { issuer, client: clientId } = document.body.dataset
const { createClient } = await import(`${issuer}/client/countersign.js`).catch((error) => {
  $('away').textContent = 'The server to sign in at does not answer. Load this page again in a moment.'
  throw error
})
const client = createClient({ issuer, clientId })

// Nobody is signed in: to the server's page, and back to this very address.
client.onChange((user) => (user ? enter(user) : client.signIn()))

async function enter(user) {
  $('who').textContent = user.name ?? user.email
  $('session').hidden = $('shop').hidden = false
  await list()
}

async function ask(query, variables) {
  const headers = { 'Content-Type': 'application/json' }
  const response = await client.fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query, variables }) })
  const { data, errors, detail } = await response.json()
  if (!data) throw new Error(errors?.[0].message ?? detail ?? 'the shop does not answer')
  return data
}

function say(text, bad = false) {
  $('said').textContent = text
  $('said').classList.toggle('bad', bad)
}

/** Does something, and says what became of it. */
async function attempt(task, done = '') {
  try {
    await task()
    say(done)
  } catch (error) {
    say(`This did not work: ${error.message}.`, true)
  }
}

const list = () =>
  attempt(async () => {
    const { orders } = await ask('{ orders(first: 50) { id sku quantity state placedAt total { amount currency } } }')
    $('orders').replaceChildren(...orders.map(row))
    $('none').hidden = orders.length > 0
  })

function row({ id, sku, quantity, state, placedAt, total }) {
  const row = document.createElement('tr')
  const money = new Intl.NumberFormat([], { style: 'currency', currency: total.currency })
  for (const text of [new Date(placedAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }), `${quantity} × ${sku}`, money.format(total.amount / 100)]) {
    row.insertCell().textContent = text
  }
  const last = row.insertCell()
  last.textContent = state === 'PLACED' ? 'placed' : 'cancelled'
  if (state === 'PLACED') {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = 'Cancel'
    button.setAttribute('aria-label', `Cancel ${quantity} × ${sku}`)
    button.addEventListener('click', () => attempt(() => cancel(id), `Cancelled: ${quantity} × ${sku}.`))
    last.append(button)
  }
  return row
}

async function cancel(id) {
  await ask('mutation($id: ID!) { cancelOrder(id: $id) { id } }', { id })
  await list()
}

// One key for each wish: whoever presses twice, or again after no answer came, orders once.
let key = crypto.randomUUID()
$('order').addEventListener('input', () => (key = crypto.randomUUID()))
$('order').addEventListener('submit', (event) => {
  event.preventDefault()
  const { sku, quantity } = event.target.elements
  const input = { sku: sku.value, quantity: quantity.valueAsNumber, key }
  void attempt(async () => {
    await ask('mutation($input: NewOrder!) { createOrder(input: $input) { id } }', { input })
    key = crypto.randomUUID()
    await list()
  }, `Ordered: ${input.quantity} × ${input.sku}.`)
})

$('sign-out').addEventListener('click', () => attempt(() => client.signOut()))
