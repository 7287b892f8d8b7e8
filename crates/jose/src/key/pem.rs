//! PEM in and out (RFC 7468).

use pem::{EncodeConfig, LineEnding, Pem};
use zeroize::{Zeroize, Zeroizing};

use crate::KeyError;

const PRIVATE: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
const PUBLIC: [&str; 2] = ["PUBLIC KEY", "RSA PUBLIC KEY"];

/// The DER of the one private key in this text.
pub(super) fn private(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    block(text, &PRIVATE).map(Zeroizing::new)
}

/// The DER of the one public key in this text.
pub(super) fn public(text: &str) -> Result<Vec<u8>, KeyError> {
    block(text, &PUBLIC)
}

fn block(text: &str, labels: &[&str]) -> Result<Vec<u8>, KeyError> {
    let mut blocks = pem::parse_many(text).map_err(|_| KeyError::Pem)?;
    // `openssl ecparam -genkey` puts the curve in front, in a block of its own.
    blocks.retain(|block| block.tag() != "EC PARAMETERS");
    let block = match <[Pem; 1]>::try_from(blocks) {
        Ok([block]) => block,
        Err(blocks) => {
            blocks.into_iter().for_each(wipe);
            return Err(KeyError::Pem);
        }
    };
    // Headers (RFC 1421) mean that it is encrypted.
    if labels.contains(&block.tag()) && block.headers().iter().next().is_none() {
        Ok(block.into_contents())
    } else {
        wipe(block);
        Err(KeyError::Pem)
    }
}

fn wipe(block: Pem) {
    block.into_contents().zeroize();
}

/// PKCS#8 in a block of its own.
pub(super) fn encode_private(der: &[u8]) -> Zeroizing<String> {
    let block = Pem::new("PRIVATE KEY", der);
    let text = Zeroizing::new(pem::encode_config(&block, config()));
    wipe(block);
    text
}

/// `SubjectPublicKeyInfo` in a block of its own.
pub(super) fn encode_public(der: &[u8]) -> String {
    pem::encode_config(&Pem::new("PUBLIC KEY", der), config())
}

fn config() -> EncodeConfig {
    EncodeConfig::new().set_line_ending(LineEnding::LF)
}
