//! Who calls, as the edge saw it.

use std::fmt;
use std::net::IpAddr;

use crate::env::Timestamp;
use crate::model::audit::{Actor, Origin};
use crate::model::grant::Network;

/// How many bytes of a `User-Agent` are kept.
const AGENT_LIMIT: usize = 256;

/// Who calls, as the edge saw it.
#[derive(Clone, Default)]
pub struct Visitor {
    /// The address of the caller, behind trusted proxies the one that they name. `None`: not over a network.
    pub address: Option<IpAddr>,
    /// The `User-Agent`.
    pub agent: Option<String>,
    /// The value of the device cookie.
    pub device: Option<String>,
    /// The session's name that a browser came with to a sign-in, which takes its place.
    pub session: Option<String>,
    operator: bool,
}

impl Visitor {
    /// Somebody on the network.
    #[must_use]
    pub fn new(address: IpAddr, agent: Option<String>, device: Option<String>) -> Self {
        Self {
            address: Some(address),
            agent,
            device,
            session: None,
            operator: false,
        }
    }

    /// An operator, at the command line or over the administration socket.
    #[must_use]
    pub fn operator() -> Self {
        Self {
            operator: true,
            ..Self::default()
        }
    }

    pub(crate) fn origin(&self, at: Timestamp) -> Origin {
        Origin {
            at,
            actor: if self.operator {
                Actor::Operator
            } else {
                Actor::User
            },
            address: self.address.map(|address| address.to_string()),
            agent: self.agent_cut(),
        }
    }

    pub(crate) fn agent_cut(&self) -> Option<String> {
        self.agent
            .as_deref()
            .map(|agent| agent[..agent.floor_char_boundary(AGENT_LIMIT)].to_owned())
    }

    /// The network that the caller is in: IPv4 by /24, IPv6 by /48.
    pub(crate) fn network(&self) -> Network {
        let prefix: u64 = match self.address.map(|address| address.to_canonical()) {
            None => return Network::default(),
            Some(IpAddr::V4(v4)) => u64::from(v4.to_bits() >> 8) | 1 << 63,
            Some(IpAddr::V6(v6)) => (v6.to_bits() >> 80) as u64,
        };
        // A fixed mixing of 64 bits into 32 (Fibonacci hashing): the result is kept with the grant.
        let mixed = (prefix.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        Network(mixed.max(1))
    }
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor")
            .field("address", &self.address)
            .field("agent", &self.agent)
            .field("operator", &self.operator)
            .finish_non_exhaustive()
    }
}

/// What the server itself does on its schedule.
pub(crate) const fn by_server(at: Timestamp) -> Origin {
    Origin {
        at,
        actor: Actor::Server,
        address: None,
        agent: None,
    }
}
