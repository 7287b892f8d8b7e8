//! The protected API of the playground: a lamp that shines for whoever bears a good token. It checks as any service does,
//! and says more than a service should: which check refused.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_guard::Refused;
use serde::Serialize;

use crate::http::{App, Bearer, Problem};

/// The checks, in the order in which a token meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Check {
    /// Three parts of base64url, not too long.
    Form,
    /// A header that says which kind of token it is, and nothing that must not be ignored.
    Header,
    /// A published key of this id, for this algorithm.
    Key,
    /// The signature of that key over these very bytes.
    Signature,
    /// From this issuer, for this audience.
    Claims,
    /// Begun, and not expired.
    Time,
    /// Not revoked.
    Revocations,
}

impl Check {
    /// Which check it was that refused.
    const fn of(refused: &Refused) -> Self {
        use countersign_jose::Refused as Token;
        let refused = match refused {
            Refused::Token(refused) => refused,
            Refused::Revoked(_) => return Self::Revocations,
        };
        match refused {
            Token::TooLong
            | Token::NotCompact
            | Token::Encrypted
            | Token::NotEncrypted
            | Token::Base64(_) => Self::Form,
            Token::Header
            | Token::DuplicateHeader
            | Token::NoAlgorithm
            | Token::UnknownAlgorithm
            | Token::Rsa15
            | Token::KeyWrap192
            | Token::PasswordBased
            | Token::NoEncryption
            | Token::UnknownEncryption
            | Token::Compressed
            | Token::Critical
            | Token::Unencoded
            | Token::Parameter(_)
            | Token::EphemeralKey
            | Token::NotNested
            | Token::Type { .. } => Self::Header,
            Token::UnknownKey
            | Token::WrongAlgorithm { .. }
            | Token::WrongKeyManagement { .. }
            | Token::WrongEncryption { .. }
            | Token::AmbiguousKey => Self::Key,
            Token::Signature | Token::Length(_) | Token::Decryption => Self::Signature,
            Token::Payload
            | Token::DuplicateClaim
            | Token::TooManyClaims
            | Token::Missing(_)
            | Token::Malformed(_)
            | Token::Issuer
            | Token::Audience
            | Token::Shape { .. } => Self::Claims,
            Token::Expired { .. } | Token::NotYet { .. } => Self::Time,
        }
    }
}

/// The lamp shines.
#[derive(Serialize)]
struct Shines<'a> {
    sub: &'a str,
    /// How long the check took, in microseconds.
    micros: f64,
}

/// It does not.
#[derive(Serialize)]
struct Dark<'a> {
    check: Check,
    code: &'static str,
    detail: &'a str,
}

/// Whether the token is good, now; and if not, why.
pub(super) async fn show(State(app): State<App>, bearer: Bearer) -> Result<Response, Problem> {
    let token = bearer.token()?;
    let clock = &app.auth().env().clock;
    let began = clock.elapsed();
    let checked = app.auth().check(token);
    let micros = clock.elapsed().saturating_sub(began).as_secs_f64() * 1e6;
    Ok(match checked {
        Ok(claims) => Json(Shines {
            sub: &claims.sub,
            micros,
        })
        .into_response(),
        Err(refused) => {
            let dark = Dark {
                check: Check::of(&refused),
                code: refused.code(),
                detail: &refused.to_string(),
            };
            let challenge = [(
                header::WWW_AUTHENTICATE,
                r#"Bearer realm="playground", error="invalid_token""#,
            )];
            (StatusCode::UNAUTHORIZED, challenge, Json(dark)).into_response()
        }
    })
}
