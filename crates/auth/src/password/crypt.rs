//! bcrypt in the modular crypt format: `$2b$12$<salt><digest>`, and passlib's `$bcrypt-sha256$`, which bcrypts a keyed
//! hash of the password, for those that plain bcrypt would cut.

use aws_lc_rs::{digest, hmac};
use base64_simd::{STANDARD, STANDARD_NO_PAD};
use zeroize::Zeroizing;

use super::hash::{HashBounds, UnreadableHash, decimal};

/// Most bytes of a password that bcrypt takes in.
const LONGEST: usize = 72;
/// Length of a salt, in bytes.
pub(super) const SALT: usize = 16;
/// Length of a salt and of a digest, in characters.
const SALT_TEXT: usize = 22;
const DIGEST_TEXT: usize = 31;

/// What is done to a password before bcrypt sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing: `$2a$`, `$2b$`, `$2y$`. (They differ only in how old implementations got bytes wrong.)
    Nothing,
    /// SHA-256, base64: `$bcrypt-sha256$2a,…` and `2b,…`, as passlib once wrote it.
    Sha256,
    /// HMAC-SHA-256 keyed with the salt, base64: `$bcrypt-sha256$v=2,…`.
    HmacSha256,
}

/// Everything that a stored bcrypt hash says.
pub(super) struct CryptHash {
    before: Before,
    cost: u32,
    /// 22 characters of salt and 31 of digest, in bcrypt's own base64.
    salt_and_digest: Box<str>,
}

impl CryptHash {
    /// Reads `2b$12$<salt><digest>`: a stored hash whose first `$` is gone.
    pub(super) fn parse(text: &str, bounds: &HashBounds) -> Result<Self, UnreadableHash> {
        let (version, rest) = text.split_at_checked(3).ok_or(UnreadableHash::Malformed)?;
        match version {
            "2a$" | "2b$" | "2y$" => {}
            "2x$" => return Err(UnreadableHash::SignExtended),
            _ => return Err(UnreadableHash::UnknownFormat),
        }
        let (cost, salt_and_digest) = rest.split_once('$').ok_or(UnreadableHash::Malformed)?;
        // Two digits, so that 4 to 9 have the one leading zero of this format.
        let digits = cost.len() == 2 && cost.bytes().all(|b| b.is_ascii_digit());
        let cost = digits.then(|| cost.parse().ok()).flatten();
        Self::checked(Before::Nothing, cost, salt_and_digest.into(), bounds)
    }

    /// Reads what follows `$bcrypt-sha256$`: `v=2,t=2b,r=12$<salt>$<digest>`, or `2b,12$<salt>$<digest>`.
    pub(super) fn parse_sha256(text: &str, bounds: &HashBounds) -> Result<Self, UnreadableHash> {
        let mut parts = text.split('$');
        let parts = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(head), Some(salt), Some(digest), None) = parts else {
            return Err(UnreadableHash::Malformed);
        };
        let (before, cost) = if let Some(cost) = head.strip_prefix("v=2,t=2b,r=") {
            (Before::HmacSha256, cost)
        } else if let Some(cost) = head.strip_prefix("2a,").or(head.strip_prefix("2b,")) {
            (Before::Sha256, cost)
        } else {
            return Err(UnreadableHash::Malformed);
        };
        if salt.len() != SALT_TEXT {
            return Err(UnreadableHash::Malformed);
        }
        Self::checked(
            before,
            decimal(cost),
            format!("{salt}{digest}").into(),
            bounds,
        )
    }

    fn checked(
        before: Before,
        cost: Option<u32>,
        salt_and_digest: Box<str>,
        bounds: &HashBounds,
    ) -> Result<Self, UnreadableHash> {
        let cost = cost.filter(|cost| (4..=31).contains(cost));
        let hash = Self {
            before,
            cost: cost.ok_or(UnreadableHash::Malformed)?,
            salt_and_digest,
        };
        if hash.plain().parse::<bcrypt::HashParts>().is_err() {
            return Err(UnreadableHash::Malformed);
        }
        if !bounds.allow_bcrypt(hash.cost) {
            return Err(UnreadableHash::TooExpensive);
        }
        Ok(hash)
    }

    /// Hashes a new password, in the form that does not cut it.
    pub(super) fn make(secret: &[u8], cost: u32, salt: [u8; SALT]) -> Self {
        let mut hash = Self::with(cost, salt, &[0; 23]);
        hash.before = before(secret);
        let input = hash.input(secret);
        // Cannot fail: the settings were checked, the cost is in range. If it did, no password would match.
        if let Ok(parts) = bcrypt::hash_with_salt(input.as_slice(), cost, salt) {
            let text = parts.format_for_version(bcrypt::Version::TwoB);
            hash.salt_and_digest = text[text.len() - SALT_TEXT - DIGEST_TEXT..].into();
        }
        hash
    }

    /// The plain hash with this salt and digest.
    pub(super) fn with(cost: u32, salt: [u8; SALT], digest: &[u8]) -> Self {
        Self {
            before: Before::Nothing,
            cost,
            salt_and_digest: format!("{}{}", encode(&salt), encode(digest)).into(),
        }
    }

    /// Whether `secret` has this hash.
    pub(super) fn matches(&self, secret: &[u8]) -> bool {
        let equal = bcrypt::verify(self.input(secret).as_slice(), &self.plain()).unwrap_or(false);
        // A plain hash of a longer password: whoever made it cut it, and would let in all that begin alike.
        let whole = self.before != Before::Nothing || before(secret) == Before::Nothing;
        equal && whole
    }

    /// Whether it is what [`Self::make`] would make at this cost.
    pub(super) fn is_made_with(&self, cost: u32, secret: &[u8]) -> bool {
        self.cost == cost && self.before == before(secret)
    }

    fn input(&self, secret: &[u8]) -> Zeroizing<Vec<u8>> {
        let salt = &self.salt_and_digest[..SALT_TEXT];
        Zeroizing::new(match self.before {
            Before::Nothing if before(secret) == Before::Nothing => secret.to_vec(),
            Before::Sha256 => {
                let hash = digest::digest(&digest::SHA256, secret);
                STANDARD.encode_to_string(hash).into_bytes()
            }
            Before::Nothing | Before::HmacSha256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes());
                let tag = hmac::sign(&key, secret);
                STANDARD.encode_to_string(tag).into_bytes()
            }
        })
    }

    fn plain(&self) -> String {
        format!("$2b${:02}${}", self.cost, self.salt_and_digest)
    }
}

impl std::fmt::Display for CryptHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (salt, digest) = self.salt_and_digest.split_at(SALT_TEXT);
        match self.before {
            Before::Nothing => f.write_str(&self.plain()),
            Before::Sha256 => write!(f, "$bcrypt-sha256$2b,{}${salt}${digest}", self.cost),
            Before::HmacSha256 => {
                write!(f, "$bcrypt-sha256$v=2,t=2b,r={}${salt}${digest}", self.cost)
            }
        }
    }
}

/// What must be done to `secret` so that bcrypt takes in all of it: it stops at 72 bytes, and cannot tell `a` from
/// `a NUL a`.
fn before(secret: &[u8]) -> Before {
    if secret.len() > LONGEST || secret.contains(&0) {
        Before::HmacSha256
    } else {
        Before::Nothing
    }
}

/// bcrypt's base64: the usual packing in another alphabet.
fn encode(bytes: &[u8]) -> String {
    const USUAL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const BCRYPT: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let usual = STANDARD_NO_PAD.encode_to_string(bytes);
    usual
        .chars()
        .filter_map(|c| USUAL.find(c).map(|at| char::from(BCRYPT[at])))
        .collect()
}
