//! The names of algorithms, as arguments: offered by completion and by `--help`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use countersign_jose::Algorithm;

/// One that signs.
pub(super) fn signature() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::name))
        .try_map(|name| Algorithm::from_name(&name).ok_or("unknown"))
}
