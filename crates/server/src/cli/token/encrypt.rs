//! `countersign token encrypt`

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use countersign_jose::{
    ContentEncryption, DecryptionKey, EncryptionKey, KeyError, KeyManagement, MAX_TOKEN,
    Unverified, encrypt, jwe,
};
use zeroize::Zeroizing;

use super::key_file::{Form, KeyFile};
use super::{TokenError, names, write};
use crate::cli::print::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Standard input is either a signed token, which is wrapped as it is (`cty` JWT), or any bytes.
Whoever has the public key can encrypt: it proves nothing about who did. So tokens are signed first.

Examples:
  countersign token sign --key key.jwk --issuer me --audience you --expires-in 5m |
      countersign token encrypt --key recipient.pub.jwk
  countersign token encrypt --key rsa.pub.pem --alg RSA-OAEP-256 --enc A128GCM < letter.txt"
)]
pub(in crate::cli) struct Args {
    /// The recipient's public key, or a shared secret: a JWK, PEM or DER
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The algorithm of a key that does not name it, such as one in PEM
    #[arg(long, value_name = "ALG", value_parser = names::encryption())]
    alg: Option<KeyManagement>,
    /// How the content is encrypted [default: A256GCM, or what a key for `dir` is made for]
    #[arg(long, value_parser = names::content())]
    enc: Option<ContentEncryption>,
    /// The kind of what is encrypted, if it is no token: the header's `cty`
    #[arg(long)]
    cty: Option<String>,
}

impl Args {
    pub(super) fn run(self, output: Output) -> Result<(), TokenError> {
        let key = read_key(&self.key, self.alg)?;
        let enc = self.enc.or(key.content_encryption());
        let enc = enc.unwrap_or(ContentEncryption::A256GCM);
        let content = content()?;
        let signed = std::str::from_utf8(&content).map(str::trim_ascii);
        let signed = signed.ok().filter(|text| Unverified::parse(text).is_ok());
        let token = match (signed, &self.cty) {
            (Some(signed), None) => encrypt(&key, enc, signed),
            (_, cty) => {
                let cty = cty.as_deref();
                jwe::encrypt(&key, enc, &jwe::Header { typ: None, cty }, &content)
            }
        }?;
        write::result(output, "token", &token)
    }
}

fn content() -> Result<Zeroizing<Vec<u8>>, TokenError> {
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_TOKEN + 1));
    // One more than can become a token is enough to be refused.
    let limit = u64::try_from(MAX_TOKEN + 1).unwrap_or(u64::MAX);
    io::stdin()
        .lock()
        .take(limit)
        .read_to_end(&mut content)
        .map_err(TokenError::Input)?;
    Ok(content)
}

/// A public key or a shared secret, of whatever form; of a private one, the public half.
fn read_key(path: &Path, alg: Option<KeyManagement>) -> Result<EncryptionKey, TokenError> {
    let file = KeyFile::read(path)?;
    let bytes = file.bytes();
    let key = match (Form::of(bytes), alg) {
        (Form::Jwk, None) => EncryptionKey::from_jwk(bytes).or_else(|error| match error {
            KeyError::SecretInPublicSet => EncryptionKey::from_secret_jwk(bytes),
            error => Err(error),
        }),
        (Form::Jwk, Some(alg)) => EncryptionKey::from_jwk_for(alg, bytes),
        (Form::Pem(text), Some(alg)) => EncryptionKey::from_pem(alg, text).or_else(|error| {
            let private = DecryptionKey::from_pem(alg, text).map_err(|_| error)?;
            Ok(private.encryption_key())
        }),
        (Form::Der, Some(alg)) => EncryptionKey::from_der(alg, bytes),
        (Form::Pem(_) | Form::Der, None) => Err(KeyError::AlgorithmNeeded),
        (Form::JwkSet, _) => {
            let problem = "a set of keys, where one key is needed";
            return Err(TokenError::NoKey(file.name(), problem));
        }
        (Form::LockedJwk(_), _) => {
            let problem = "a private key under a password, where a public one is needed";
            return Err(TokenError::NoKey(file.name(), problem));
        }
    };
    key.map_err(|error| file.unusable(error))
}
