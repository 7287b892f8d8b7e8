//! What the names in a token mean, and which standard says so.

/// A name, its meaning in a few words, and the standard.
type Words = (&'static str, &'static str, &'static str);

/// Members of headers.
const HEADER: &[Words] = &[
    ("alg", "algorithm", "RFC 7515"),
    ("enc", "encryption of the content", "RFC 7516"),
    ("typ", "kind of token", "RFC 7515"),
    ("cty", "kind of content", "RFC 7515"),
    ("kid", "id of the key", "RFC 7515"),
    ("jwk", "a key, brought along", "RFC 7515"),
    ("jku", "address of keys", "RFC 7515"),
    ("x5u", "address of a certificate", "RFC 7515"),
    ("x5c", "certificates, brought along", "RFC 7515"),
    ("x5t", "thumbprint of a certificate", "RFC 7515"),
    ("x5t#S256", "thumbprint of a certificate", "RFC 7515"),
    ("crit", "extensions demanded", "RFC 7515"),
    ("zip", "compression", "RFC 7516"),
    ("b64", "whether the payload is encoded", "RFC 7797"),
    ("epk", "sender's ephemeral key", "RFC 7518"),
    ("apu", "about the sender", "RFC 7518"),
    ("apv", "about the recipient", "RFC 7518"),
    ("iv", "vector of the wrapped key", "RFC 7518"),
    ("tag", "tag of the wrapped key", "RFC 7518"),
    ("p2s", "salt for the password", "RFC 7518"),
    ("p2c", "rounds for the password", "RFC 7518"),
    ("trust_chain", "chain of trust", "OpenID Federation"),
];

/// Claims.
const CLAIMS: &[Words] = &[
    ("iss", "issuer", "RFC 7519"),
    ("sub", "subject: whom it is about", "RFC 7519"),
    ("aud", "audience: whom it is for", "RFC 7519"),
    ("exp", "expires", "RFC 7519"),
    ("nbf", "not to be used before", "RFC 7519"),
    ("iat", "issued", "RFC 7519"),
    ("jti", "id of the token", "RFC 7519"),
    ("client_id", "application it was issued to", "RFC 9068"),
    ("scope", "what it permits", "RFC 9068"),
    ("roles", "roles", "RFC 9068"),
    ("groups", "groups", "RFC 9068"),
    ("entitlements", "entitlements", "RFC 9068"),
    ("auth_time", "last sign-in", "OpenID Connect"),
    ("acr", "strength of the sign-in", "OpenID Connect"),
    ("amr", "means of the sign-in", "RFC 8176"),
    ("azp", "party it was issued to", "OpenID Connect"),
    ("nonce", "answers this request", "OpenID Connect"),
    ("at_hash", "hash of the access token", "OpenID Connect"),
    ("c_hash", "hash of the code", "OpenID Connect"),
    ("s_hash", "hash of the state", "OpenID FAPI"),
    ("sid", "session", "OpenID Connect"),
    ("name", "name", "OpenID Connect"),
    ("given_name", "given name", "OpenID Connect"),
    ("family_name", "family name", "OpenID Connect"),
    ("middle_name", "middle name", "OpenID Connect"),
    ("nickname", "nickname", "OpenID Connect"),
    (
        "preferred_username",
        "name to sign in with",
        "OpenID Connect",
    ),
    ("profile", "page about the person", "OpenID Connect"),
    ("picture", "picture", "OpenID Connect"),
    ("website", "web site", "OpenID Connect"),
    ("email", "email address", "OpenID Connect"),
    ("email_verified", "whether they proved it", "OpenID Connect"),
    ("gender", "gender", "OpenID Connect"),
    ("birthdate", "birthday", "OpenID Connect"),
    ("zoneinfo", "time zone", "OpenID Connect"),
    ("locale", "language", "OpenID Connect"),
    ("phone_number", "telephone", "OpenID Connect"),
    (
        "phone_number_verified",
        "whether they proved it",
        "OpenID Connect",
    ),
    ("address", "address", "OpenID Connect"),
    ("updated_at", "last change of the profile", "OpenID Connect"),
    ("events", "what happened", "RFC 8417"),
    ("toe", "when it happened", "RFC 8417"),
    ("txn", "id of the transaction", "RFC 8417"),
    ("act", "who acts for the subject", "RFC 8693"),
    ("may_act", "who may act for the subject", "RFC 8693"),
    ("cnf", "bound to this key", "RFC 7800"),
    (
        "authorization_details",
        "what it permits, in detail",
        "RFC 9396",
    ),
    ("htm", "method of the request", "RFC 9449"),
    ("htu", "address of the request", "RFC 9449"),
    ("ath", "hash of the access token", "RFC 9449"),
    (
        "epochs",
        "numbers that revocations are compared with",
        "Countersign",
    ),
];

/// Kinds of token.
const TYPES: &[(&str, &str)] = &[
    ("at+jwt", "an access token, RFC 9068"),
    ("jwt", "a token of no particular kind"),
    ("id+jwt", "an ID token"),
    ("rt+jwt", "a refresh token"),
    ("dpop+jwt", "a proof that the sender has a key, RFC 9449"),
    ("logout+jwt", "a logout token, OpenID Connect"),
    ("secevent+jwt", "a security event, RFC 8417"),
    (
        "token-introspection+jwt",
        "an answer about a token, RFC 9701",
    ),
    (
        "oauth-authz-req+jwt",
        "a request for authorization, RFC 9101",
    ),
    ("statuslist+jwt", "a list of revoked tokens"),
    ("jose", "compact form"),
    ("jose+json", "JSON serialization"),
];

/// Algorithms of signatures, of keys and of content.
const ALGORITHMS: &[(&str, &str)] = &[
    ("none", "not signed"),
    ("HS256", "MAC with SHA-256: a shared secret"),
    ("HS384", "MAC with SHA-384: a shared secret"),
    ("HS512", "MAC with SHA-512: a shared secret"),
    ("RS256", "RSA PKCS #1 1.5 with SHA-256"),
    ("RS384", "RSA PKCS #1 1.5 with SHA-384"),
    ("RS512", "RSA PKCS #1 1.5 with SHA-512"),
    ("PS256", "RSA-PSS with SHA-256"),
    ("PS384", "RSA-PSS with SHA-384"),
    ("PS512", "RSA-PSS with SHA-512"),
    ("ES256", "ECDSA on P-256"),
    ("ES384", "ECDSA on P-384"),
    ("ES512", "ECDSA on P-521"),
    ("ES256K", "ECDSA on secp256k1"),
    ("EdDSA", "Ed25519"),
    ("Ed25519", "Ed25519"),
    ("ML-DSA-44", "post-quantum, RFC 9964"),
    ("ML-DSA-65", "post-quantum, RFC 9964"),
    ("ML-DSA-87", "post-quantum, RFC 9964"),
    ("dir", "a shared secret encrypts the content itself"),
    ("RSA1_5", "RSA PKCS #1 1.5: unsafe"),
    ("RSA-OAEP", "RSA-OAEP with SHA-1"),
    ("RSA-OAEP-256", "RSA-OAEP with SHA-256"),
    ("A128KW", "wrapped under a shared secret"),
    ("A192KW", "wrapped under a shared secret"),
    ("A256KW", "wrapped under a shared secret"),
    ("A128GCMKW", "wrapped under a shared secret"),
    ("A192GCMKW", "wrapped under a shared secret"),
    ("A256GCMKW", "wrapped under a shared secret"),
    ("ECDH-ES", "agreed with the recipient's key"),
    (
        "ECDH-ES+A128KW",
        "agreed with the recipient's key, and wrapped",
    ),
    (
        "ECDH-ES+A192KW",
        "agreed with the recipient's key, and wrapped",
    ),
    (
        "ECDH-ES+A256KW",
        "agreed with the recipient's key, and wrapped",
    ),
    ("PBES2-HS256+A128KW", "wrapped under a password"),
    ("PBES2-HS384+A192KW", "wrapped under a password"),
    ("PBES2-HS512+A256KW", "wrapped under a password"),
    ("A128GCM", "AES-GCM, 128 bits"),
    ("A192GCM", "AES-GCM, 192 bits"),
    ("A256GCM", "AES-GCM, 256 bits"),
    ("A128CBC-HS256", "AES-CBC with a MAC, 128 bits"),
    ("A192CBC-HS384", "AES-CBC with a MAC, 192 bits"),
    ("A256CBC-HS512", "AES-CBC with a MAC, 256 bits"),
];

/// What a member of a header means, and who says so.
pub(super) fn of_header(name: &str) -> Option<String> {
    meaning(HEADER, name)
}

/// What a claim means, and who says so.
pub(super) fn of_claim(name: &str) -> Option<String> {
    meaning(CLAIMS, name)
}

fn meaning(table: &[Words], name: &str) -> Option<String> {
    let row = table.iter().find(|(known, ..)| *known == name)?;
    Some(format!("{} ({})", row.1, row.2))
}

/// What a value means that stands under this name in a header.
pub(super) fn of_value(name: &str, value: &str) -> Option<&'static str> {
    match name {
        "alg" | "enc" => word(ALGORITHMS, value),
        "typ" | "cty" => {
            let value = value.to_ascii_lowercase();
            let short = value.strip_prefix("application/").unwrap_or(&value);
            if name == "cty" && short == "jwt" {
                return Some("a token inside");
            }
            word(TYPES, short)
        }
        _ => None,
    }
}

fn word(table: &[(&str, &'static str)], value: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(known, _)| *known == value)
        .map(|(_, word)| *word)
}
