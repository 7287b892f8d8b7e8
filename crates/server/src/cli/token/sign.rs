//! `countersign token sign`

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_jose::{Algorithm, SigningKey, jws};
use serde_json::{Value, json};

use super::key_file::{Form, KeyFile, algorithm};
use super::members::Members;
use super::unlock::Unlock;
use super::{At, TokenError, names, write};
use crate::cli::print::Output;
use crate::config::duration;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  countersign token sign --key key.jwk --claims claims.json
  countersign token sign --key key.jwk --issuer me --audience you --subject ada --expires-in 5m
  echo '{\"role\": \"admin\"}' | countersign token sign --key key.jwk --claims - --issuer me \\
      --audience you --expires-in 1h")]
pub(in crate::cli) struct Args {
    /// The private key: a JWK, PEM or DER
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The algorithm of a key that does not name it, such as RSA in PEM
    #[arg(long, value_name = "ALG", value_parser = names::signature())]
    alg: Option<Algorithm>,
    #[command(flatten)]
    unlock: Unlock,
    /// The kind of token: the header's `typ`
    #[arg(long, default_value = "at+jwt")]
    typ: String,
    /// The claims, a JSON object; `-` is standard input [default: none but those below]
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// Add `iss`, who issues it
    #[arg(long)]
    issuer: Option<String>,
    /// Add `aud`, whom it is for
    #[arg(long)]
    audience: Option<String>,
    /// Add `sub`, whom it is about
    #[arg(long)]
    subject: Option<String>,
    /// Add `iat`, which is now, and `exp`, which is so much later, such as 5m
    #[arg(long, value_name = "DURATION", value_parser = whole_seconds)]
    expires_in: Option<Duration>,
    #[command(flatten)]
    at: At,
}

impl Args {
    pub(super) fn run(self, output: Output) -> Result<(), TokenError> {
        let key = read_key(&self.key, self.alg, &self.unlock)?;
        let claims = self.claims()?;
        // Whatever `Members` holds can be written.
        let payload = serde_json::to_vec(&claims).unwrap_or_default();
        let header = jws::Header {
            typ: Some(&self.typ),
            cty: None,
        };
        let token = jws::sign(&key, &header, &payload)?;
        for missing in ["iss", "aud", "exp"] {
            if claims.get(missing).is_none() {
                eprintln!("countersign: note: without {missing:?}, `token verify` refuses it");
            }
        }
        write::result(output, "token", &token)
    }

    /// What was given, and what was asked to be added. Nothing is replaced.
    fn claims(&self) -> Result<Members, TokenError> {
        let mut claims = match &self.claims {
            None => Members::default(),
            Some(path) => {
                let file = KeyFile::read(path)?;
                serde_json::from_slice(file.bytes()).map_err(|error| {
                    let name = file.name();
                    TokenError::Usage(format!("{name}: claims must be a JSON object: {error}"))
                })?
            }
        };
        let texts = [
            ("iss", &self.issuer),
            ("aud", &self.audience),
            ("sub", &self.subject),
        ];
        let mut added: Vec<(&str, Value)> = texts
            .into_iter()
            .filter_map(|(name, value)| Some((name, json!(value.as_ref()?))))
            .collect();
        if let Some(span) = self.expires_in {
            let now = self.at.now().as_secs();
            added.push(("iat", json!(now)));
            added.push(("exp", json!(now.saturating_add(span.as_secs()))));
        }
        let added = added
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        claims.0.extend(added);
        if let Some(name) = claims.repeated().first() {
            let twice = format!("the claim {} would be there twice", json!(name));
            return Err(TokenError::Usage(twice));
        }
        Ok(claims)
    }
}

fn whole_seconds(text: &str) -> Result<Duration, String> {
    let span = duration::parse(text).map_err(|error| error.to_string())?;
    if span.subsec_nanos() == 0 {
        Ok(span)
    } else {
        Err("tokens know whole seconds only".to_owned())
    }
}

/// A private key or a shared secret, of whatever form.
fn read_key(
    path: &Path,
    alg: Option<Algorithm>,
    unlock: &Unlock,
) -> Result<SigningKey, TokenError> {
    let file = KeyFile::read(path)?;
    let bytes = file.bytes();
    let key = match (Form::of(bytes), alg) {
        (Form::Jwk, None) => SigningKey::from_jwk(bytes),
        (Form::Jwk, Some(alg)) => SigningKey::from_jwk_for(alg, bytes),
        (Form::LockedJwk(text), alg) => {
            let password = unlock.password()?;
            let password = password.expose().as_bytes();
            match alg {
                None => SigningKey::from_encrypted_jwk(text, password),
                Some(alg) => SigningKey::from_encrypted_jwk_for(alg, text, password),
            }
        }
        (Form::Pem(text), alg) => algorithm(alg, |alg| SigningKey::from_pem(alg, text)),
        (Form::Der, alg) => algorithm(alg, |alg| SigningKey::from_der(alg, bytes)),
        (Form::JwkSet, _) => {
            let problem = "a set of keys, where one private key is needed";
            return Err(TokenError::NoKey(file.name(), problem));
        }
    };
    key.map_err(|error| file.unusable(error))
}
