//! The names of algorithms, as arguments: offered by completion and by `--help`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use countersign_jose::{AgreementCurve, Algorithm, ContentEncryption, KeyManagement};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Purpose {
    /// To sign and to verify.
    Signature(Algorithm),
    /// To encrypt and to decrypt.
    Encryption(KeyManagement),
}

impl Purpose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Signature(alg) => alg.name(),
            Self::Encryption(alg) => alg.name(),
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let signature = Algorithm::from_name(name).map(Self::Signature);
        signature.or_else(|| KeyManagement::from_name(name).map(Self::Encryption))
    }

    fn all() -> impl Iterator<Item = Self> {
        let signatures = Algorithm::ALL.into_iter().map(Self::Signature);
        signatures.chain(KeyManagement::ALL.into_iter().map(Self::Encryption))
    }
}

/// One that signs, or one that encrypts.
pub(super) fn purpose() -> impl TypedValueParser<Value = Purpose> {
    let names: Vec<&str> = Purpose::all().map(Purpose::name).collect();
    PossibleValuesParser::new(names)
        .try_map(|name| Purpose::from_name(&name).ok_or("not an algorithm"))
}

/// One that signs.
pub(super) fn signature() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::name))
        .try_map(|name| Algorithm::from_name(&name).ok_or("not an algorithm"))
}

/// One that hands over the key of the content.
pub(super) fn encryption() -> impl TypedValueParser<Value = KeyManagement> {
    PossibleValuesParser::new(KeyManagement::ALL.map(KeyManagement::name))
        .try_map(|name| KeyManagement::from_name(&name).ok_or("not an algorithm"))
}

/// One that encrypts the content.
pub(super) fn content() -> impl TypedValueParser<Value = ContentEncryption> {
    PossibleValuesParser::new(ContentEncryption::ALL.map(ContentEncryption::name))
        .try_map(|name| ContentEncryption::from_name(&name).ok_or("not an encryption"))
}

/// A curve for ECDH-ES.
pub(super) fn curve() -> impl TypedValueParser<Value = AgreementCurve> {
    PossibleValuesParser::new(AgreementCurve::ALL.map(AgreementCurve::name)).try_map(|name| {
        let mut curves = AgreementCurve::ALL.into_iter();
        curves
            .find(|curve| curve.name() == name)
            .ok_or("not a curve")
    })
}
