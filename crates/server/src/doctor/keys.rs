//! The key set: whether verifiers find it, may keep it for a while, and have the keys that sign.

use countersign_jose::{KeySet, VerifyingKey};
use http::{StatusCode, header};
use serde_json::Value;

use super::ask::{Asker, Reply, quoted};
use super::finding::Finding;

const PATH: &str = "/.well-known/jwks.json";
const CHECK: &str = "key_set";
const CACHING: &str = "key_set_caching";
/// The longest that the server lets it be kept, in seconds.
const LONGEST: u64 = 300;
/// Far more than a set of a dozen keys of the largest kind.
const LARGE: usize = 64 * 1024;

/// The ids of the keys that are published.
pub(super) type Kids = Vec<String>;

/// Looks at the set. Without one, nothing can be said about its keys.
pub(super) async fn examine(asker: &Asker, metadata: &Reply) -> (Vec<Finding>, Option<Kids>) {
    let mut found = Vec::new();
    let own = format!("{}{PATH}", asker.origin());
    let named = metadata.json();
    let named = named
        .get("jwks_uri")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if named != own {
        found.push(Finding::error(
            CHECK,
            format!(
                "the metadata leads verifiers to {:?}, and not to {own}",
                quoted(named)
            ),
            "verifiers that go by the metadata fetch other keys, or none",
            format!("issuer = \"{}\"", asker.origin()),
        ));
    }
    let reply = match asker.get(PATH).send().await {
        Ok(reply) if reply.status == StatusCode::OK => reply,
        other => {
            let why = match other {
                Ok(reply) => format!("{own} answers {}", reply.status.as_u16()),
                Err(error) => quoted(&error.to_string()),
            };
            found.push(Finding::error(
                CHECK,
                why,
                "no service can check a token",
                format!("hand {PATH} on to the server"),
            ));
            return (found, None);
        }
    };
    let set = KeySet::from_json(&reply.body).ok();
    found.push(content(&reply, set.as_ref()));
    found.extend(caching(asker, &reply).await);
    let kids = set.map(|set| {
        let kids = set.iter().filter_map(VerifyingKey::kid);
        kids.map(str::to_owned).collect()
    });
    (found, kids)
}

fn content(reply: &Reply, set: Option<&KeySet>) -> Finding {
    let size = reply.body.len();
    let Some(set) = set else {
        return Finding::error(
            CHECK,
            format!("what is at {PATH} is no key set"),
            "no service can check a token",
            format!("in the proxy: hand {PATH} on to the server as it is"),
        );
    };
    if size > LARGE {
        return Finding::warning(
            CHECK,
            format!("the key set has {size} bytes"),
            "verifiers take it again and again, and some take none that large",
            "signing.publish = […]: the algorithms that are needed alone; a longer signing.rotate_every",
        );
    }
    let kind = reply.header(&header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    if !matches!(kind, "application/jwk-set+json" | "application/json") {
        return Finding::warning(
            CHECK,
            format!("the key set comes as {:?}", quoted(kind)),
            "some verifiers do not take it for one",
            "take out of the proxy what changes its Content-Type: application/jwk-set+json is right",
        );
    }
    Finding::good(
        CHECK,
        if set.is_empty() {
            "the key set is empty: tokens are signed with a shared secret".to_owned()
        } else {
            format!("the key set holds {} keys in {size} bytes", set.len())
        },
    )
}

async fn caching(asker: &Asker, reply: &Reply) -> Vec<Finding> {
    let control = reply.headers.get_all(header::CACHE_CONTROL).iter();
    let control: Vec<&str> = control.filter_map(|line| line.to_str().ok()).collect();
    let control = control.join(", ").to_ascii_lowercase();
    let words: Vec<&str> = control.split(',').map(str::trim).collect();
    let is_kept = !words
        .iter()
        .any(|word| matches!(*word, "no-store" | "no-cache" | "private"));
    let ages = words.iter().filter_map(|word| {
        let age = word
            .strip_prefix("max-age=")
            .or_else(|| word.strip_prefix("s-maxage="))?;
        age.parse::<u64>().ok()
    });
    let cure =
        "take out of the proxy what sets Cache-Control or Expires here (add_header, expires)";
    let finding = match ages.max() {
        Some(age) if age > LONGEST => Finding::error(
            CACHING,
            format!("the key set may be kept for {age} s; the server says {LONGEST} at most"),
            "a key that was taken out is believed, and a new one is unknown, for so long",
            cure,
        ),
        Some(age @ 1..) if is_kept => {
            Finding::good(CACHING, format!("the key set may be kept for {age} s"))
        }
        _ => Finding::warning(
            CACHING,
            format!(
                "the key set may not be kept: Cache-Control is {:?}",
                quoted(&control)
            ),
            "verifiers fetch it anew for every token, or as often as they dare",
            cure,
        ),
    };
    vec![finding, revalidation(asker, reply).await]
}

/// Whether who has it already is told so in a few bytes (RFC 9110 §13.1.2).
async fn revalidation(asker: &Asker, reply: &Reply) -> Finding {
    let Some(etag) = reply.header(&header::ETAG) else {
        return Finding::warning(
            CACHING,
            "the key set comes without an ETag",
            "whoever has it already takes it again",
            "take out of the proxy what removes it (proxy_hide_header ETag;)",
        );
    };
    let again = asker
        .get(PATH)
        .header(header::IF_NONE_MATCH, etag)
        .send()
        .await;
    match again {
        Ok(again) if again.status == StatusCode::NOT_MODIFIED => {
            Finding::good(CACHING, "who has the key set already is told so (304)")
        }
        Ok(again) => Finding::warning(
            CACHING,
            format!(
                "asked with the ETag of the key set, the answer is {} and not 304",
                again.status.as_u16()
            ),
            "whoever has it already takes it again",
            "hand If-None-Match on to the server, and its ETag back",
        ),
        Err(error) => Finding::not_checked(
            CACHING,
            format!(
                "whether who has the key set is told so: {}",
                quoted(&error.to_string())
            ),
        ),
    }
}

/// Whether a key that signs is among those that are published.
pub(super) fn signs_with(kid: &str, published: &Kids) -> Finding {
    const CHECK: &str = "signing_key";
    let name = quoted(kid);
    if published.iter().any(|known| known == kid) {
        return Finding::good(CHECK, format!("the key that signs, {name}, is published"));
    }
    Finding::error(
        CHECK,
        format!("the key that signs, {name}, is not in the key set"),
        "services refuse the tokens of today",
        "what lies between may keep the key set no longer than it says (proxy_cache); and nodes of one issuer need one \
         store: store.postgres",
    )
}
