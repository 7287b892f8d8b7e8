//! The one place where a token becomes trusted.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::claims::{self, Expected, Registered};
use crate::compact::Compact;
use crate::{DecryptionKeySet, KeySet, Refused, UnixTime, VerifyingKey, base64url, jwe, jws};

/// The largest leeway for clocks that disagree, in seconds (RFC 7519 §4.1.4).
pub const MAX_LEEWAY: u64 = 30;

/// Decides whether a token is good (RFC 7519 §7.2): from this issuer, for this audience, of this
/// type, under one of these keys, and now.
///
/// There is no `Default`, and nothing turns a check off. A clone shares everything.
#[derive(Clone)]
pub struct Verifier {
    issuer: Arc<str>,
    audience: Arc<str>,
    typ: Arc<str>,
    keys: KeySet,
    familiar: Arc<[Familiar]>,
    leeway: u64,
    encrypted_to: Option<DecryptionKeySet>,
}

/// A header as [`sign`](crate::sign) writes it, and the key that the long way finds for it.
struct Familiar {
    header: String,
    key: VerifyingKey,
}

impl Verifier {
    /// A verifier without leeway.
    ///
    /// * `issuer`: `iss` must be exactly this (RFC 7519 §4.1.1).
    /// * `audience`: `aud` must be exactly this, or an array with exactly this in it (§4.1.3).
    /// * `typ`: the kind of token, such as `at+jwt` (RFC 9068 §2.1): the header's `typ` must be
    ///   this media type (RFC 8725 §3.11). Letter case and a leading `application/` do not matter
    ///   (RFC 7515 §4.1.9).
    /// * `keys`: the issuer's keys.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, typ: &str, keys: KeySet) -> Self {
        let empty = Self {
            issuer: issuer.into(),
            audience: audience.into(),
            typ: typ.into(),
            keys: KeySet::empty(),
            familiar: Arc::new([]),
            leeway: 0,
            encrypted_to: None,
        };
        empty.with_keys(keys)
    }

    /// The same with a leeway of so many seconds for `exp` and `nbf` (RFC 7519 §4.1.4); more than
    /// [`MAX_LEEWAY`] is taken for [`MAX_LEEWAY`].
    #[must_use]
    pub fn with_leeway(mut self, secs: u64) -> Self {
        self.leeway = secs.min(MAX_LEEWAY);
        self
    }

    /// From now on tokens must be encrypted to one of these keys, and signed inside (a nested JWT:
    /// RFC 7519 §5.2, §11.2). A token that is only signed is refused
    /// ([`Refused::NotEncrypted`]); without this, one that is encrypted is
    /// ([`Refused::Encrypted`]).
    ///
    /// Called again, it puts other keys in the place of these; nothing takes encryption back.
    ///
    /// The outer header must say `cty` `JWT`. Claims that it may repeat (RFC 7519 §5.3) are never
    /// read, for nobody signed them: what counts is inside. So is `typ`, which must be there.
    #[must_use]
    pub fn encrypted_to(mut self, keys: DecryptionKeySet) -> Self {
        self.encrypted_to = Some(keys);
        self
    }

    /// The same with other keys to verify signatures with (RFC 7517 §5). Keys to decrypt with stay.
    #[must_use]
    pub fn with_keys(&self, keys: KeySet) -> Self {
        let mut verifier = Self {
            keys,
            familiar: Arc::new([]),
            ..self.clone()
        };
        let familiar = verifier.keys.iter().filter_map(|key| {
            let typ = Some(&*verifier.typ);
            let json = jws::Header { typ, cty: None }.json(key).ok()?;
            let header = base64url::encode(json.as_bytes());
            let token = format!("{header}..");
            let key = verifier.key_of(&Compact::split(&token).ok()?).ok()?;
            Some(Familiar { header, key })
        });
        verifier.familiar = familiar.collect();
        verifier
    }

    /// The key for a token, by its header: of the right type, with a known key, and naming that
    /// key's algorithm. A header that was looked at before need not be read again.
    fn key_of(&self, compact: &Compact<'_>) -> Result<VerifyingKey, Refused> {
        let seen = |familiar: &&Familiar| familiar.header == compact.header();
        if let Some(familiar) = self.familiar.iter().find(seen) {
            return Ok(familiar.key.clone());
        }
        compact.with_header(|header| {
            if !header.is_of_type(&self.typ) {
                let needed = (*self.typ).into();
                return Err(Refused::Type { needed });
            }
            let key = self.keys.select(header.kid.as_deref(), header.alg)?;
            Ok(key.clone())
        })
    }

    /// What `iss` must be (RFC 7519 §4.1.1).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What `aud` must name (RFC 7519 §4.1.3).
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// What `typ` must be (RFC 7515 §4.1.9).
    #[must_use]
    pub fn typ(&self) -> &str {
        &self.typ
    }

    /// The keys that are trusted (RFC 7517 §5).
    #[must_use]
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The keys that tokens must be encrypted to, if they must be (RFC 7519 §11.2).
    #[must_use]
    pub fn decryption_keys(&self) -> Option<&DecryptionKeySet> {
        self.encrypted_to.as_ref()
    }

    /// The leeway in seconds (RFC 7519 §4.1.4).
    #[must_use]
    pub fn leeway(&self) -> u64 {
        self.leeway
    }

    /// Verifies a signed JWT (RFC 7519 §7.2), decrypting it first if this verifier is
    /// [`encrypted_to`](Self::encrypted_to) somebody.
    ///
    /// `C` gets every claim of the payload in one pass over it. The registered ones are checked on
    /// the way: `iss`, `aud` and `exp` are required; `sub`, `nbf` and `iat` must have their type if
    /// they are there; `iat` never refuses a token by itself; a claim must not occur twice.
    ///
    /// # Errors
    /// [`Refused`] says what was wrong.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        now: UnixTime,
    ) -> Result<Verified<C>, Refused> {
        // 0. The encryption, if there must be one.
        self.with_signed(token, |signed| {
            // 1. Length and shape, before anything is parsed.
            let compact = Compact::split(signed)?;
            // 2. The header: what kind of token, and which key; that key's algorithm must be named.
            let key = self.key_of(&compact)?;
            self.verify_under(key, compact, &self.expected(), now)
        })
    }

    /// Hands over the signed token, which is inside of the encrypted one if there must be one.
    fn with_signed<T>(
        &self,
        token: &str,
        then: impl FnOnce(&str) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let Some(keys) = &self.encrypted_to else {
            return then(token);
        };
        let inner = jwe::open_nested(token, keys)?;
        then(std::str::from_utf8(&inner).map_err(|_| Refused::NotCompact)?)
    }

    /// For people who look at a token whose kind they do not know yet, never for a service: as
    /// [`verify`](Self::verify), but whatever `typ` says, also if it is absent.
    ///
    /// One kind of token passes for another here (an ID token for an access token; RFC 8725 §2.8),
    /// which is why this is no setting of a verifier, and why what it gives is no [`Verified`]:
    /// nothing that asks for one can be handed this.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), but for [`Refused::Type`].
    pub fn verify_of_any_type<C: DeserializeOwned>(
        &self,
        token: &str,
        now: UnixTime,
    ) -> Result<OfAnyType<C>, Refused> {
        self.with_signed(token, |signed| {
            let compact = Compact::split(signed)?;
            let (key, typ) = compact.with_header(|header| {
                let key = self.keys.select(header.kid.as_deref(), header.alg)?;
                Ok((key.clone(), header.typ.map(Into::into)))
            })?;
            let verified = self.verify_under(key, compact, &self.expected(), now)?;
            Ok(OfAnyType { verified, typ })
        })
    }

    /// For an issuer that is shown a token of its own and has to find out for whom it made it,
    /// never for a service: as [`verify`](Self::verify), but whomever `aud` names.
    ///
    /// A token that was made for one service passes at another here (RFC 8725 §3.9), which is why
    /// this is no setting of a verifier, and why what it gives is no [`Verified`]: nothing that
    /// asks for one can be handed this.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), but for [`Refused::Audience`] where there is any audience.
    pub fn verify_for_any_audience<C: DeserializeOwned>(
        &self,
        token: &str,
        now: UnixTime,
    ) -> Result<ForAnyAudience<C>, Refused> {
        self.with_signed(token, |signed| {
            let compact = Compact::split(signed)?;
            let key = self.key_of(&compact)?;
            let expected = Expected {
                audience: None,
                ..self.expected()
            };
            self.verify_under(key, compact, &expected, now)
                .map(ForAnyAudience)
        })
    }

    /// What the claims must say.
    fn expected(&self) -> Expected<'_> {
        Expected {
            issuer: &self.issuer,
            audience: Some(&self.audience),
        }
    }

    /// What comes after the header.
    fn verify_under<C: DeserializeOwned>(
        &self,
        key: VerifyingKey,
        compact: Compact<'_>,
        expected: &Expected<'_>,
        now: UnixTime,
    ) -> Result<Verified<C>, Refused> {
        // 3. The signature. Only if it holds, the payload is decoded.
        let payload = compact.signed_by(&key)?;
        // 4. The claims: types, issuer, audience.
        let verified = payload.decode(|json| {
            let (claims, registered) = claims::read::<C>(json, expected)?;
            Ok(Verified(Arc::new(Inner {
                claims,
                registered,
                key,
            })))
        })?;
        // 5. The times.
        verified.check_time(now, self.leeway)?;
        Ok(verified)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("typ", &self.typ)
            .field("keys", &self.keys)
            .field("leeway", &self.leeway)
            .field("encrypted_to", &self.encrypted_to)
            .finish_non_exhaustive()
    }
}

/// Claims of a token that was verified (RFC 7519 §7.2). [`Verifier::verify`] alone makes one.
///
/// A clone shares the claims, whatever their type. That it was good says nothing about later: a
/// cache asks [`check_time`](Self::check_time) again, and whether the key is still trusted.
pub struct Verified<C>(Arc<Inner<C>>);

struct Inner<C> {
    claims: C,
    registered: Registered,
    key: VerifyingKey,
}

impl<C> Verified<C> {
    /// The claims (RFC 7519 §4).
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.0.claims
    }

    /// `exp`, from when on it is refused (RFC 7519 §4.1.4); of a fraction the earlier second.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.0.registered.expires_at
    }

    /// `nbf`, until when it is refused (RFC 7519 §4.1.5); of a fraction the later second.
    #[must_use]
    pub fn not_before(&self) -> Option<UnixTime> {
        self.0.registered.not_before
    }

    /// `iat`, when it was issued (RFC 7519 §4.1.6); of a fraction the earlier second.
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.0.registered.issued_at
    }

    /// The id of the key that the signature holds under (RFC 7517 §4.5), also if the token itself
    /// names none.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.0.key.kid()
    }

    /// Whether the token is good at this time (RFC 7519 §4.1.4, §4.1.5), with so many seconds of
    /// leeway, of which no more than [`MAX_LEEWAY`] count. At `exp` plus leeway it has expired.
    ///
    /// # Errors
    /// [`Refused::Expired`] or [`Refused::NotYet`].
    pub fn check_time(&self, now: UnixTime, leeway: u64) -> Result<(), Refused> {
        let leeway = leeway.min(MAX_LEEWAY);
        let expires = self.expires_at();
        if now >= expires.plus(leeway) {
            return Err(Refused::Expired { at: expires, now });
        }
        match self.not_before() {
            Some(at) if at > now.plus(leeway) => Err(Refused::NotYet { at, now }),
            _ => Ok(()),
        }
    }
}

/// Claims of a token that was verified but for its kind (RFC 8725 §3.11): it may be one for
/// something else. Made by [`Verifier::verify_of_any_type`] alone; there is no way from here to a
/// [`Verified`].
#[derive(Clone, Debug)]
pub struct OfAnyType<C> {
    verified: Verified<C>,
    typ: Option<Box<str>>,
}

impl<C> OfAnyType<C> {
    /// The claims (RFC 7519 §4).
    #[must_use]
    pub fn claims(&self) -> &C {
        self.verified.claims()
    }

    /// `typ`, as it stands in the header (RFC 7515 §4.1.9).
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The id of the key that the signature holds under (RFC 7517 §4.5).
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.verified.key_id()
    }
}

/// Claims of a token that was verified but for its audience (RFC 8725 §3.9): it may be one for
/// somebody else. Made by [`Verifier::verify_for_any_audience`] alone; there is no way from here to
/// a [`Verified`].
#[derive(Clone, Debug)]
pub struct ForAnyAudience<C>(Verified<C>);

impl<C> ForAnyAudience<C> {
    /// The claims (RFC 7519 §4).
    #[must_use]
    pub fn claims(&self) -> &C {
        self.0.claims()
    }
}

impl<C> Clone for Verified<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> Deref for Verified<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0.claims
    }
}

impl<C: fmt::Debug> fmt::Debug for Verified<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verified").field(&self.0.claims).finish()
    }
}
