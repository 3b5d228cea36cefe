//! A CoreDNS release number.

/// A release of CoreDNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// Always 1 so far.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Patch number.
    pub patch: u32,
}

impl Version {
    /// A version from its numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads `1.11.3`, `v1.11.3`, `1.9` and the same with a suffix behind `-`, `+` or `_`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let numbers = text.split(['-', '+', '_']).next()?;
        let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = match parts.next() {
            Some(patch) => patch?,
            None => 0,
        };
        parts.next().is_none().then_some(Self { major, minor, patch })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_reads_releases() {
        assert_eq!(Version::parse("v1.11.3-eksbuild.1"), Some(Version::new(1, 11, 3)));
        assert_eq!(Version::parse("1.9"), Some(Version::new(1, 9, 0)));
        assert_eq!((Version::parse("latest"), Version::parse("1.x.3"), Version::parse("1.2.3.4")), (None, None, None));
        assert!(Version::new(1, 9, 4) < Version::new(1, 14, 0));
    }
}
