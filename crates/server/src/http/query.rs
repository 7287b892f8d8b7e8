//! The one thing that a query says beside the feed's: whose session counts.

use super::code::Code;
use super::problem::Problem;

/// The client that a query names. Others' parameters are passed over; two of this one are refused. A client's id has
/// nothing that would have to be escaped.
pub(super) fn client_id(query: Option<&str>) -> Result<Option<String>, Problem> {
    let pairs = query.unwrap_or_default().split('&');
    let mut named = pairs.filter_map(|pair| pair.strip_prefix("client_id="));
    let first = named.next();
    if named.next().is_some() {
        return Err(Problem::new(
            Code::DuplicateField,
            "the query names more than one client_id",
        )
        .field("client_id"));
    }
    Ok(first.map(str::to_owned))
}
