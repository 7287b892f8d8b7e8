//! `countersign token decrypt`

use std::path::PathBuf;
use std::process::ExitCode;

use base64_simd::URL_SAFE_NO_PAD;
use countersign_jose::{KeyManagement, jwe};

use super::lines::Input;
use super::unlock::Unlock;
use super::verdict::{Decrypted, Verdict};
use super::{TokenError, batch, decryption_keys, names, refusal};
use crate::cli::print::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Reads one token a line from standard input, and answers each with one line: `decrypted` and what
was in it, or `refused`, the code, the step that refused, and what would have been needed.
It does not tell who wrote it: `token verify --decrypt-keys` checks the signature inside as well.

Examples:
  countersign token decrypt --key private.jwk < tokens.txt
  countersign token decrypt --key rsa.pem --alg RSA-OAEP-256 --json <<< \"$TOKEN\"

Exit codes: 0 all decrypted, 1 one or more refused, 2 not understood or nothing to begin with."
)]
pub(in crate::cli) struct Args {
    /// Private keys or shared secrets: a JWK set, a JWK, PEM or DER
    #[arg(long, alias = "keys", value_name = "FILE")]
    key: PathBuf,
    /// The algorithm of a key that does not name it, such as one in PEM
    #[arg(long, value_name = "ALG", value_parser = names::encryption())]
    alg: Option<KeyManagement>,
    #[command(flatten)]
    unlock: Unlock,
    /// How each line holds its token
    #[arg(long, value_enum, default_value_t = Input::Lines)]
    input: Input,
}

impl Args {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, TokenError> {
        let keys = decryption_keys::load(&self.key, self.alg, &self.unlock)?;
        if output == Output::Text {
            eprintln!(
                "countersign: note: decrypting does not tell who wrote it; `token verify --decrypt-keys` does"
            );
        }
        batch::judge(self.input, output, |token| {
            match jwe::decrypt(token, &keys) {
                Ok(content) => Verdict::Decrypted(decrypted(&content)),
                Err(refused) => Verdict::Refused(refusal::of_decryption(token, &refused, &keys)),
            }
        })
    }
}

fn decrypted(content: &jwe::DecryptedBytes) -> Decrypted {
    let bytes = content.plaintext();
    let text = std::str::from_utf8(bytes).ok();
    Decrypted {
        plaintext: text.map(str::to_owned),
        plaintext_base64url: match text {
            Some(_) => None,
            None => Some(URL_SAFE_NO_PAD.encode_to_string(bytes)),
        },
        alg: content.algorithm().name(),
        enc: content.content_encryption().name(),
        typ: content.typ().map(str::to_owned),
        cty: content.cty().map(str::to_owned),
        key_id: content.key_id().map(str::to_owned),
    }
}
