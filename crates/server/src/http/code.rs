//! The stable names of everything that can be wrong with a request: one table, one row each.

use axum::http::StatusCode;

macro_rules! codes {
    ($($variant:ident $name:literal $status:ident $title:literal;)*) => {
        /// What is wrong, in a word that never changes: the `code` of a problem document.
        ///
        /// Names may be added; none is renamed, and none changes its status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The status that it is answered with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)*
                }
            }

            /// What it means, whatever the request: the `title` of RFC 9457 §3.1.3.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

codes! {
    // The shape of the request.
    MalformedJson "malformed_json" BAD_REQUEST "The body is not well-formed JSON";
    NotAnObject "not_an_object" BAD_REQUEST "The body is not a JSON object";
    MissingField "missing_field" BAD_REQUEST "A field is missing";
    UnknownField "unknown_field" BAD_REQUEST "There is no such field";
    DuplicateField "duplicate_field" BAD_REQUEST "A field occurs twice";
    WrongType "wrong_type" BAD_REQUEST "A field has the wrong type";
    MalformedForm "malformed_form" BAD_REQUEST "The form cannot be read";
    InvalidId "invalid_id" BAD_REQUEST "Not an identifier";
    InvalidCursor "invalid_cursor" BAD_REQUEST "Not a place in the log";
    DuplicateCredentials "duplicate_credentials" BAD_REQUEST "Credentials were given more than once";
    NotFound "not_found" NOT_FOUND "There is nothing here";
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "This path does not do that";
    RequestTimeout "request_timeout" REQUEST_TIMEOUT "The request came too slowly";
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too large";
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body is not of a supported type";

    // Where it comes from.
    WrongHost "wrong_host" MISDIRECTED_REQUEST "This server does not go by that name";
    PlainHttp "plain_http" FORBIDDEN "Plain HTTP is only for the proxy";
    Proxied "proxied" FORBIDDEN "This is not for requests through a proxy";
    CrossSite "cross_site" FORBIDDEN "The request comes from another site";
    BrowserRequest "browser_request" FORBIDDEN "A native client's call came from a browser";

    // Who asks.
    MissingToken "missing_token" UNAUTHORIZED "An access token is needed";
    TokenInvalid "token_invalid" UNAUTHORIZED "The access token is not valid";
    TokenExpired "token_expired" UNAUTHORIZED "The access token has expired";
    TokenRevoked "token_revoked" UNAUTHORIZED "The access token was taken back";
    InsufficientScope "insufficient_scope" FORBIDDEN "The access token is not for this";
    SeveralTokens "several_tokens" FORBIDDEN "The request bears more than one token";
    UnknownClient "unknown_client" BAD_REQUEST "There is no such client";
    ClientDisabled "client_disabled" FORBIDDEN "The client is disabled";
    NativeClient "native_client" FORBIDDEN "A native application cannot sign people in by the pages";
    InvalidRedirectUri "invalid_redirect_uri" BAD_REQUEST "The return address is not on the client's list";
    InvalidState "invalid_state" BAD_REQUEST "The state is too long";
    ServiceClient "service_client" FORBIDDEN "Nobody signs in to a service";

    // Registration and profile.
    RegistrationClosed "registration_closed" FORBIDDEN "Registration is closed";
    InvalidEmail "invalid_email" UNPROCESSABLE_ENTITY "Not an e-mail address";
    InvalidUsername "invalid_username" UNPROCESSABLE_ENTITY "Not a user name";
    InvalidName "invalid_name" UNPROCESSABLE_ENTITY "Not a name";
    EmailTaken "email_taken" CONFLICT "The address is taken";
    UsernameTaken "username_taken" CONFLICT "The user name is taken";
    PasswordTooShort "password_too_short" UNPROCESSABLE_ENTITY "The password is too short";
    PasswordTooLong "password_too_long" UNPROCESSABLE_ENTITY "The password is too long";
    PasswordCommon "password_common" UNPROCESSABLE_ENTITY "The password is a common one";
    PasswordIsIdentifier "password_is_identifier" UNPROCESSABLE_ENTITY "The password is the name or the address";

    // Sign-in and password.
    InvalidCredentials "invalid_credentials" UNAUTHORIZED "Name or password is wrong";
    AccountDisabled "account_disabled" FORBIDDEN "The account is disabled";
    WrongPassword "wrong_password" FORBIDDEN "The current password is wrong";
    TryAgain "try_again" CONFLICT "Something changed meanwhile";

    // Renewal and sessions.
    NoRefreshToken "no_refresh_token" UNAUTHORIZED "There is no refresh token";
    RefreshInvalid "refresh_invalid" UNAUTHORIZED "The refresh token is not valid";
    RefreshExpired "refresh_expired" UNAUTHORIZED "The session has expired";
    RefreshReused "refresh_reused" UNAUTHORIZED "The refresh token was used before";
    RefreshAhead "refresh_ahead" UNAUTHORIZED "The server lost this session";
    RefreshSuperseded "refresh_superseded" UNAUTHORIZED "The refresh token was superseded";
    NotRenewable "not_renewable" BAD_REQUEST "Sessions of this client are not renewed";
    NoSession "no_session" UNAUTHORIZED "There is no session";
    SessionExpired "session_expired" UNAUTHORIZED "The session has expired";
    SessionSuperseded "session_superseded" UNAUTHORIZED "The session goes on under another cookie";
    SessionRevoked "session_revoked" UNAUTHORIZED "The session was taken back";
    NoSuchSession "no_such_session" NOT_FOUND "There is no such session";
    SessionsNotKept "sessions_not_kept" CONFLICT "Not all sessions are known";

    // Not now.
    TooManyRequests "too_many_requests" TOO_MANY_REQUESTS "Too many attempts";
    TooManyRetries "too_many_retries" TOO_MANY_REQUESTS "Too many renewals at once";
    Busy "busy" SERVICE_UNAVAILABLE "The server is busy";
    CannotProtect "cannot_protect" SERVICE_UNAVAILABLE "A token cannot be protected as it should be";
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The server cannot do this now";
    Internal "internal" INTERNAL_SERVER_ERROR "Something went wrong in the server";
}
