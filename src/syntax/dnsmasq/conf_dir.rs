//! `conf-dir=DIR[,suffix…]`: which files of a directory are configuration.

/// A configuration directory with its suffix rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConfDir {
    /// The directory.
    pub directory: String,
    /// Endings of files that are left out.
    pub excluded: Vec<String>,
    /// Endings given as `*suffix`; if there is one, only such files are read.
    pub included: Vec<String>,
}

impl ConfDir {
    /// Reads the value of the option.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        let mut words = value.split(',').map(str::trim);
        let mut dir = Self { directory: words.next().unwrap_or_default().to_owned(), ..Self::default() };
        for word in words {
            match word.strip_prefix('*') {
                // A lone `*` includes everything and so says nothing.
                Some("") => {}
                Some(suffix) => dir.included.push(suffix.to_owned()),
                None if word.is_empty() => {}
                None => dir.excluded.push(word.to_owned()),
            }
        }
        dir
    }

    /// Whether a regular file of this name is read: not a hidden or editor's backup file, not excluded, and included
    /// if there are inclusions. A suffix must be shorter than the name. Files are read in byte order of their names.
    #[must_use]
    pub fn includes(&self, name: &str) -> bool {
        let special = name.is_empty()
            || name.starts_with('.')
            || name.ends_with('~')
            || (name.starts_with('#') && name.ends_with('#'));
        let ends = |suffix: &String| name.len() > suffix.len() && name.ends_with(suffix.as_str());
        !special && !self.excluded.iter().any(ends) && (self.included.is_empty() || self.included.iter().any(ends))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(value: &str, names: &[&'a str]) -> Vec<&'a str> {
        let dir = ConfDir::parse(value);
        names.iter().copied().filter(|name| dir.includes(name)).collect()
    }

    #[test]
    fn debian_s_exclusions() {
        let names = ["a", "b.conf", "c.dpkg-dist", "d~", "#e#", ".f", "f.bak", "README", "x.dpkg-old", ".dpkg-new"];
        let got = read("/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new", &names);
        assert_eq!(got, ["a", "b.conf", "f.bak", "README"]);
    }

    #[test]
    fn inclusions() {
        assert_eq!(read("/etc/dnsmasq.d/,*.conf", &["a", "b.conf", ".conf", "c.conf.bak"]), ["b.conf"]);
        assert_eq!(read("/d,*.conf,x.conf", &["a.conf", "ax.conf", "x.conf"]), ["a.conf", "x.conf"]);
        assert_eq!(read("/d,*", &["a"]), ["a"]);
        assert_eq!(ConfDir::parse("/d,*.conf").directory, "/d");
    }
}
