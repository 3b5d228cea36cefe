//! How resolvers and servers ask.

use serde::Serialize;

/// A transport of plain DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// UDP, over which is asked first.
    Udp,
    /// TCP.
    Tcp,
}

impl Transport {
    /// The word of manifests and for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}
