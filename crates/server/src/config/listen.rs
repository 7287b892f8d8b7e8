//! Where a listener listens.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `localhost:8080` (both loopback addresses), or one address of this machine and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Listen {
    /// 127.0.0.1, and `::1` where there is IPv6: whatever a client takes `localhost` for.
    Localhost(u16),
    /// This address only.
    Address(SocketAddr),
}

/// A text that is no place to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place to listen: \"localhost:8080\", \"0.0.0.0:8443\" or \"[::]:8443\" expected")]
pub struct InvalidListen;

impl Listen {
    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Localhost(_) => true,
            Self::Address(address) => address.ip().to_canonical().is_loopback(),
        }
    }

    /// Its port; 0 lets the system choose.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self {
            Self::Localhost(port) => *port,
            Self::Address(address) => address.port(),
        }
    }

    /// Opens the sockets, non-blocking. `localhost` opens one or two, of one port.
    ///
    /// # Errors
    /// If an address cannot be had. Without IPv6 on this machine, `localhost` is content with IPv4.
    pub fn bind(&self) -> io::Result<Vec<TcpListener>> {
        let sockets = match self {
            Self::Address(address) => vec![TcpListener::bind(address)?],
            Self::Localhost(port) => {
                let v4 = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), *port))?;
                let port = v4.local_addr()?.port();
                match TcpListener::bind((IpAddr::V6(Ipv6Addr::LOCALHOST), port)) {
                    Ok(v6) => vec![v4, v6],
                    // Somebody else's server must not answer for half of the clients.
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
                    Err(_) => vec![v4],
                }
            }
        };
        for socket in &sockets {
            socket.set_nonblocking(true)?;
        }
        Ok(sockets)
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self::Localhost(8080)
    }
}

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(text: &str) -> Result<Self, InvalidListen> {
        match text.strip_prefix("localhost:") {
            Some(port) => port.parse().map(Self::Localhost).map_err(|_| InvalidListen),
            None => text.parse().map(Self::Address).map_err(|_| InvalidListen),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost(port) => write!(f, "localhost:{port}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl TryFrom<String> for Listen {
    type Error = InvalidListen;

    fn try_from(text: String) -> Result<Self, InvalidListen> {
        text.parse()
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.to_string()
    }
}
