import { createClient } from '@countersign/browser'

globalThis.client = createClient({ issuer: import.meta.env.VITE_ISSUER, clientId: 'app' })
globalThis.users = []
client.onChange((user) => users.push(user && user.email))
