//! The transports that resolvers ask over.

/// A transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP: what resolvers ask first.
    Udp,
    /// TCP: truncated answers.
    Tcp,
}

impl Transport {
    /// The word that manifests use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}
