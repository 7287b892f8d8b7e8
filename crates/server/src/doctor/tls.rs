//! TLS: whether the certificate is vouched for, for this name, and for how long.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error, InvalidMessage, ProtocolVersion, RootCertStore};
use tokio::time::timeout;

use super::ask::quoted;
use super::finding::Finding;
use crate::fetch::{self, FetchError, Policy, Url};

const CHECK: &str = "tls";
/// What is left of a certificate when its renewal is overdue, or a quarter of its life if that is less.
const OVERDUE: u64 = 14 * 86_400;
/// Farther than any certificate goes.
const FAR: u64 = 200 * 366 * 86_400;

/// Looks at what is spoken at this address; `now` in seconds since 1970.
pub(super) async fn examine(url: &Url, now: u64) -> Finding {
    let connected = async {
        let stream = fetch::reach(url, Policy::ANYWHERE).await?;
        fetch::secure(url, stream).await
    };
    let stream = match timeout(Policy::ANYWHERE.patience, connected).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(FetchError::Tls { error, .. })) => return refused(url, &error),
        Ok(Err(error)) => return Finding::not_checked(CHECK, format!("TLS: {error}")),
        Err(_) => return Finding::not_checked(CHECK, "TLS: no handshake in time"),
    };
    let (_, connection) = stream.get_ref();
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    let chain = connection.peer_certificates().unwrap_or_default().to_vec();
    let validity = match fetch::trusted().await {
        Some(roots) => Validity::of(&chain, url, roots, now),
        None => None,
    };
    let Some(Validity { since, until }) = validity else {
        return Finding::good(
            CHECK,
            format!("{version}, a certificate that this machine trusts"),
        );
    };
    let left = until.saturating_sub(now);
    let days = left / 86_400;
    let said = format!(
        "{version}, a certificate for {} that is good for {days} days",
        url.host()
    );
    if left < OVERDUE.min(until.saturating_sub(since) / 4) {
        return Finding::warning(
            CHECK,
            said,
            "when it has expired, nobody gets in, and no service gets keys",
            "renew it: tls.certificate names the file (it is read again when it changes), or the proxy's configuration does",
        );
    }
    Finding::good(CHECK, said)
}

/// When the whole chain is good, in seconds since 1970.
struct Validity {
    since: u64,
    until: u64,
}

impl Validity {
    /// Asks the same verifier that judged the handshake about other moments: an error names the moment to go by next.
    fn of(chain: &[CertificateDer<'_>], url: &Url, roots: RootCertStore, now: u64) -> Option<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().ok()?;
        let (leaf, others) = chain.split_first()?;
        let name = url.server_name();
        let judge = |at: u64| {
            let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
            verifier.verify_server_cert(leaf, others, &name, &[], at)
        };
        let mut until = now.saturating_add(FAR);
        while let Err(error) = judge(until) {
            let Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) =
                error
            else {
                return None;
            };
            // Each certificate of the chain ends it earlier, or not at all.
            if not_after.as_secs() >= until {
                return None;
            }
            until = not_after.as_secs();
        }
        let mut since = 0;
        while let Err(error) = judge(since) {
            let Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before, ..
            }) = error
            else {
                return None;
            };
            if not_before.as_secs() <= since {
                return None;
            }
            since = not_before.as_secs();
        }
        Some(Self { since, until })
    }
}

/// Why the handshake failed.
fn refused(url: &Url, error: &io::Error) -> Finding {
    let host = url.host();
    let why = error.get_ref().and_then(|why| why.downcast_ref::<Error>());
    if let Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) = why {
        return Finding::error(
            CHECK,
            format!("what answers at {host} does not speak TLS"),
            "nobody who asks for https gets an answer",
            "tls.certificate and tls.key, or a proxy in front that has them; issuer = \"http://…\" is for this machine alone",
        );
    }
    let certificate = match why {
        Some(Error::InvalidCertificate(why)) => Some(why),
        _ => None,
    };
    let (what, cure) = match certificate {
        Some(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => (
            format!("the certificate of {host} has expired"),
            "renew it: tls.certificate, or the proxy's configuration, names the file".to_owned(),
        ),
        Some(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => (
            format!("the certificate of {host} is not valid yet"),
            "put this machine's clock right, or the one of whoever made the certificate".to_owned(),
        ),
        Some(CertificateError::NotValidForNameContext { presented, .. }) => (
            format!("the certificate is not for {host}, but for {}", names(presented)),
            format!("a certificate for {host} in tls.certificate, or in the proxy's configuration"),
        ),
        Some(CertificateError::NotValidForName) => (
            format!("the certificate is not for {host}"),
            format!("a certificate for {host} in tls.certificate, or in the proxy's configuration"),
        ),
        Some(CertificateError::UnknownIssuer | CertificateError::BadSignature) => (
            format!("nobody whom this machine trusts vouches for the certificate of {host}"),
            "tls.certificate must name a file with the whole chain (fullchain.pem), the server's own certificate first; of a \
             private authority, name its certificate in SSL_CERT_FILE here"
                .to_owned(),
        ),
        _ => (
            format!("no TLS with {host}: {}", quoted(&error.to_string())),
            "tls.certificate and tls.key, or the proxy's, with TLS 1.2 or 1.3".to_owned(),
        ),
    };
    let follows = "browsers show a warning in the place of the page, and services get no keys";
    Finding::error(CHECK, what, follows, cure)
}

fn names(presented: &[String]) -> String {
    let few: Vec<String> = presented.iter().take(3).map(|name| quoted(name)).collect();
    if few.is_empty() {
        "nobody".to_owned()
    } else {
        few.join(", ")
    }
}
