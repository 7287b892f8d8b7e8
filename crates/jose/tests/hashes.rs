//! The hashes of claims, against published examples.

use base64_simd::STANDARD;
use countersign_jose::{Algorithm, hashes};

/// The access token of OpenID Connect Core 1.0 appendix A.3.
const TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

/// OpenID Connect Core 1.0 appendix A.3 and A.4; the longer ones were computed with Python.
#[test]
fn half_of_the_hash_that_the_algorithm_uses() {
    for alg in Algorithm::ALL {
        let name = alg.name();
        let expected = match &name[name.len() - 3..] {
            "256" => Some("77QmUPtjPfzWtF2AnpK9RQ"),
            "384" => Some("jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs"),
            "512" | "DSA" => Some("q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"),
            _ => None,
        };
        assert_eq!(hashes::half_hash(alg, TOKEN).as_deref(), expected, "{alg}");
    }
    let code = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk";
    let c_hash = hashes::half_hash(Algorithm::ES256, code);
    assert_eq!(c_hash.as_deref(), Some("LDktKdoQak3Pk0cnXxCltA"));
}

/// RFC 9449 §7.1.
#[test]
fn the_access_token_of_a_dpop_proof() {
    let ath = hashes::access_token_hash("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
    assert_eq!(ath, "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
}

/// RFC 8705 appendix A.
#[test]
fn the_certificate_that_a_token_is_bound_to() {
    let certificate = "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOVbUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=";
    let der = STANDARD.decode_to_vec(certificate).unwrap();
    let thumbprint = hashes::certificate_thumbprint(&der);
    assert_eq!(thumbprint, "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0");
}
