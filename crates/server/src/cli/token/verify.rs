//! `countersign token verify`

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use countersign_jose::{Algorithm, KeyManagement, MAX_LEEWAY, Refused, UnixTime, Verifier};
use serde_json::Value;

use super::key_source::KeySource;
use super::lines::Input;
use super::refusal::Asked;
use super::unlock::Unlock;
use super::verdict::{Accepted, Verdict};
use super::{At, TokenError, batch, decryption_keys, names};
use crate::cli::print::Output;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Reads one token a line from standard input, and answers each with one line: \
`accepted` and the claims,
or `refused`, the code, the step that refused (shape, header, key, decryption, signature, claims, time),
and what would have been needed. Later steps were not looked at.

Examples:
  countersign token verify --keys https://auth.example.com/.well-known/jwks.json \\
      --issuer https://auth.example.com --audience orders <<< \"$TOKEN\"
  countersign token verify --keys keys.json --issuer me --audience you --typ any --json < tokens.txt

Exit codes: 0 all accepted, 1 one or more refused, 2 not understood or nothing to begin with."
)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    keys: KeySource,
    /// The algorithm of a key that does not name it, such as RSA in PEM
    #[arg(long, value_name = "ALG", value_parser = names::signature())]
    alg: Option<Algorithm>,
    /// Private keys or shared secrets: the tokens must be encrypted to one of them, and signed inside
    #[arg(long, value_name = "FILE")]
    decrypt_keys: Option<PathBuf>,
    /// The algorithm of a decryption key that does not name it
    #[arg(long, value_name = "ALG", requires = "decrypt_keys", value_parser = names::encryption())]
    decrypt_alg: Option<KeyManagement>,
    #[command(flatten)]
    unlock: Unlock,
    /// Who must have issued them: `iss` must be exactly this
    #[arg(long)]
    issuer: String,
    /// Whom they must be for: `aud` must be exactly this, or have it in its array
    #[arg(long)]
    audience: String,
    /// The kind of token that they must be: the header's `typ`. `any` leaves that open
    #[arg(long, default_value = "at+jwt")]
    typ: Typ,
    /// How many seconds clocks may disagree
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=MAX_LEEWAY))]
    leeway: u64,
    #[command(flatten)]
    at: At,
    /// How each line holds its token
    #[arg(long, value_enum, default_value_t = Input::Lines)]
    input: Input,
}

/// What `--typ` says.
#[derive(Clone, Debug)]
enum Typ {
    /// This one.
    Exactly(String),
    /// Whichever: for people who look at a token, never for a service.
    Any,
}

impl FromStr for Typ {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "" => Err("a type such as at+jwt is needed, or any"),
            "any" => Ok(Self::Any),
            typ => Ok(Self::Exactly(typ.to_owned())),
        }
    }
}

impl Args {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, TokenError> {
        let keys = self.keys.load(self.alg)?;
        let typ = match &self.typ {
            Typ::Exactly(typ) => typ,
            Typ::Any => "any",
        };
        let decrypt_keys = match &self.decrypt_keys {
            Some(path) => Some(decryption_keys::load(path, self.decrypt_alg, &self.unlock)?),
            None => None,
        };
        let verifier =
            Verifier::new(&self.issuer, &self.audience, typ, keys.clone()).with_leeway(self.leeway);
        let verifier = match &decrypt_keys {
            Some(keys) => verifier.encrypted_to(keys.clone()),
            None => verifier,
        };
        let asked = Asked {
            keys: &keys,
            decrypt_keys: decrypt_keys.as_ref(),
            issuer: &self.issuer,
            audience: &self.audience,
            leeway: self.leeway,
        };
        batch::judge(self.input, output, |token| {
            match self.typ.verify(&verifier, token, self.at.now()) {
                Ok(accepted) => Verdict::Accepted(accepted),
                Err(refused) => Verdict::Refused(asked.explain(token, &refused)),
            }
        })
    }
}

impl Typ {
    fn verify(&self, verifier: &Verifier, token: &str, now: UnixTime) -> Result<Accepted, Refused> {
        match self {
            Self::Exactly(typ) => {
                let good = verifier.verify::<Value>(token, now)?;
                Ok(Accepted {
                    claims: good.claims().clone(),
                    typ: Some(typ.clone()),
                    key_id: good.key_id().map(str::to_owned),
                })
            }
            Self::Any => {
                let of_any = verifier.verify_of_any_type::<Value>(token, now)?;
                Ok(Accepted {
                    typ: of_any.typ().map(str::to_owned),
                    key_id: of_any.key_id().map(str::to_owned),
                    claims: of_any.claims().clone(),
                })
            }
        }
    }
}
