// The types of @countersign/browser, and its documentation.

/** Which server, and for which application. */
export interface Options {
  /** The server's address, such as `https://auth.example.com`. It must be of the same site as the page. */
  issuer: string
  /** The id under which the application is registered, of the style `rotating` or `stateless`; by default `default`. */
  clientId?: string
  /** Where {@link Client.signIn} comes back to, exactly as it is registered; by default the root of the page's origin. */
  redirectUri?: string
  /** To which origins {@link Client.fetch} sends the token, besides the server's and the page's own. */
  origins?: readonly string[]
}

/** Who is signed in. */
export interface User {
  /** The `sub` of every token about them. */
  readonly id: string
  readonly email: string
  readonly username?: string
  readonly name?: string
  readonly roles: readonly string[]
  /** When they registered, in seconds since 1970. */
  readonly created_at: number
}

/** What to sign in with. */
export type Credentials = { password: string } & ({ email: string } | { username: string })

/** What to register with. */
export interface Registration {
  email: string
  password: string
  name?: string
  username?: string
}

/** Keeps this page, or service worker, signed in. Make one for each application, when the page begins. */
export interface Client {
  /** Who is signed in; `null` if nobody is, `undefined` as long as that is not known. The same object until it changes. */
  readonly user: User | null | undefined

  /** Goes to the server's page to sign in, and comes back to where one was. The promise never settles: the page goes. */
  signIn(): Promise<never>
  /** Signs in with a name and a password. Rejects with the codes of `POST /v1/login`. */
  signIn(credentials: Credentials): Promise<User>

  /** Makes an account, and signs nobody in. Rejects with the codes of `POST /v1/register`. */
  register(registration: Registration): Promise<User>

  /** Ends the session, in all tabs. If it rejects, the server was not reached, and the session goes on. */
  signOut(): Promise<void>

  /**
   * A token that is good for two seconds at least, or `null` if nobody is signed in. Rejects if a renewal is needed and
   * does not succeed; it is tried again by itself.
   */
  getAccessToken(): Promise<string | null>

  /**
   * As the global `fetch`, with the token for the server, the page's own origin and {@link Options.origins}; to all others
   * as it is. If the answer is 401, the token is renewed and the request sent again, once. Without anybody signed in the
   * request goes out without a token; if there should be one and none can be had, it does not go out, and this rejects.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>

  /** Calls back with {@link Client.user} when that is known, and whenever it changes. Gives a function that ends it. */
  onChange(listener: (user: User | null) => void): () => void
}

/** Makes a client, which finds out at once whether somebody is signed in. */
export function createClient(options: Options): Client

/** Every failure. Go by `code`; the message is for whoever looks into it. */
export class CountersignError extends Error {
  constructor(code: Code, message: string, details?: Partial<Omit<CountersignError, 'code'>>)
  readonly name: 'CountersignError'
  readonly code: Code
  /** The HTTP status, if there was an answer. */
  readonly status?: number
  /** The field at fault. */
  readonly field?: string
  /** In how many seconds to come again. */
  readonly retryAfter?: number
  /** The further step that a sign-in needs, with the code `challenge`. */
  readonly challenge?: { readonly continuation: string; readonly methods: readonly string[] }
}

/** A code of the API, or one of this client's own. There may be more in a newer server. */
export type Code = OwnCode | ApiCode | (string & {})

/** What only this client can say. */
export type OwnCode =
  /** There was no connection, or it broke off. */
  | 'network'
  /** The answer took too long. */
  | 'timeout'
  /** A sign-in needs a further step. */
  | 'challenge'
  /** The application is of a style without access tokens. */
  | 'no_token'

/** What the server can say: the table of codes in the documentation of its API. */
export type ApiCode =
  | 'malformed_json'
  | 'not_an_object'
  | 'missing_field'
  | 'unknown_field'
  | 'duplicate_field'
  | 'wrong_type'
  | 'malformed_form'
  | 'invalid_id'
  | 'invalid_cursor'
  | 'duplicate_credentials'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'wrong_host'
  | 'plain_http'
  | 'proxied'
  | 'cross_site'
  | 'browser_request'
  | 'missing_token'
  | 'token_invalid'
  | 'token_expired'
  | 'token_revoked'
  | 'insufficient_scope'
  | 'several_tokens'
  | 'unknown_client'
  | 'client_disabled'
  | 'native_client'
  | 'invalid_redirect_uri'
  | 'invalid_state'
  | 'service_client'
  | 'registration_closed'
  | 'invalid_email'
  | 'invalid_username'
  | 'invalid_name'
  | 'email_taken'
  | 'username_taken'
  | 'password_too_short'
  | 'password_too_long'
  | 'password_common'
  | 'password_is_identifier'
  | 'invalid_credentials'
  | 'account_disabled'
  | 'wrong_password'
  | 'try_again'
  | 'no_refresh_token'
  | 'refresh_invalid'
  | 'refresh_expired'
  | 'refresh_reused'
  | 'refresh_ahead'
  | 'refresh_superseded'
  | 'not_renewable'
  | 'no_session'
  | 'session_expired'
  | 'session_superseded'
  | 'session_revoked'
  | 'no_such_session'
  | 'sessions_not_kept'
  | 'too_many_requests'
  | 'too_many_retries'
  | 'busy'
  | 'cannot_protect'
  | 'unavailable'
  | 'internal'
