// Everything that the browser client's types promise, as a stranger's strict project uses it. It is checked, not run.

import { type Client, type Code, CountersignError, createClient, type User } from '@countersign/browser'

const client: Client = createClient({
  issuer: 'https://auth.example.com',
  clientId: 'shop',
  redirectUri: 'https://shop.example.com/back',
  origins: ['https://api.example.com'],
})

export async function all(): Promise<void> {
  const who: User | null | undefined = client.user
  const user: User = await client.signIn({ email: 'ada@example.com', password: 'a difference engine' })
  await client.signIn({ username: 'ada', password: 'a difference engine' })
  const registered: User = await client.register({ email: 'ada@example.com', password: 'a difference engine' })
  const token: string | null = await client.getAccessToken()
  const response: Response = await client.fetch('/orders', { method: 'POST', body: '{}' })
  const end: () => void = client.onChange((user: User | null) => console.log(user?.name ?? user?.email))
  end()
  await client.signOut()
  console.log(who, user.roles[0]?.length, registered.username?.length, token?.length, response.status)
}

export function explain(error: unknown): string {
  if (!(error instanceof CountersignError)) throw error
  const code: Code = error.code
  switch (code) {
    case 'invalid_credentials':
    case 'network':
      return `${error.message} ${error.field ?? ''} ${error.retryAfter ?? 0} ${error.status ?? 0}`
    default:
      return error.challenge?.methods.join() ?? code
  }
}

export async function leave(): Promise<never> {
  return client.signIn()
}

// @ts-expect-error: an issuer is needed
createClient({})
// @ts-expect-error: a typing error is an error
createClient({ issuer: 'https://auth.example.com', clientID: 'shop' })
// @ts-expect-error: a password is needed
void client.signIn({ email: 'ada@example.com' })
// @ts-expect-error: nobody sets who is signed in
client.user = null
// @ts-expect-error: the token may be missing
export const length = async () => (await client.getAccessToken()).length
