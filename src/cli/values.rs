//! The words that flags and configuration keys take.

use crate::diagnostic::{Confidence, Severity};
pub use crate::render::distribution::Distribution;
use crate::report::Format;
use clap::ValueEnum;
use clap::builder::PossibleValue;

/// From which severity on a run fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors.
    Error,
    /// Errors and warnings.
    Warning,
    /// Every finding.
    Info,
    /// No finding.
    Never,
}

impl FailOn {
    /// Whether a finding of `severity` fails the run.
    #[must_use]
    pub fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity >= Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Info => true,
            Self::Never => false,
        }
    }
}

/// The word of a value on the command line.
#[must_use]
pub fn word<T: ValueEnum>(value: T) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Text for people or JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How Services are implemented on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProxyMode {
    /// kube-proxy with iptables.
    Iptables,
    /// kube-proxy with IPVS.
    Ipvs,
    /// kube-proxy with nftables.
    Nftables,
    /// No kube-proxy: something replaces it.
    None,
}

impl ProxyMode {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipvs => "ipvs",
            Self::Nftables => "nftables",
            Self::None => "none",
        }
    }

    /// The mode as the analyses know it.
    #[must_use]
    pub const fn fact(self) -> crate::analysis::facts::ProxyMode {
        use crate::analysis::facts::ProxyMode as Fact;
        match self {
            Self::Iptables => Fact::Iptables,
            Self::Ipvs => Fact::Ipvs,
            Self::Nftables => Fact::Nftables,
            Self::None => Fact::Replaced,
        }
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set; `FORCE_COLOR` turns it on elsewhere.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ValueEnum for Distribution {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()))
    }
}

impl ValueEnum for Severity {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Error, Self::Warning, Self::Info]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

impl ValueEnum for Confidence {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::High, Self::Medium, Self::Low]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

/// A version as Kubernetes and CoreDNS write it (`1.32`, `v1.32.4`, `v1.32.4+k3s1`), without the `v`.
///
/// # Errors
/// A sentence that says what is expected.
pub fn version(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    let core = bare.split(['+', '-']).next().unwrap_or("");
    let parts: Vec<&str> = core.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.len() <= 6 && part.bytes().all(|b| b.is_ascii_digit());
    if (2..=3).contains(&parts.len()) && parts.iter().all(number) {
        return Ok(bare.to_owned());
    }
    Err("expected a version such as 1.32 or v1.32.4".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_checked_and_lose_the_v() {
        assert_eq!(version("v1.32.4+k3s1").as_deref(), Ok("1.32.4+k3s1"));
        assert_eq!(version("1.21").as_deref(), Ok("1.21"));
        for bad in ["", "1", "latest", "1.x", "1.2.3.4", "v", "1..2"] {
            assert!(version(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fail_on_is_a_threshold() {
        let fails = |f: FailOn| Severity::value_variants().iter().filter(|s| f.includes(**s)).count();
        assert_eq!([FailOn::Error, FailOn::Warning, FailOn::Info, FailOn::Never].map(fails), [1, 2, 3, 0]);
    }
}
