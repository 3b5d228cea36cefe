//! Path patterns of the tables: `*` within a name, `**` for any number of directories.

/// Whether a pattern such as `etc/**/*.conf` matches a path; both use `/` and have no leading one.
pub(crate) fn matches_path(pattern: &str, path: &str) -> bool {
    // The last name or the first decides nearly always, and costs no allocation.
    let last = |path| str::rsplit(path, '/').next().unwrap_or("");
    let first = |path| str::split(path, '/').next().unwrap_or("");
    let may_match = |pattern: &str, name: &str| pattern == "**" || matches_name(pattern, name);
    if !may_match(last(pattern), last(path)) || !may_match(first(pattern), first(path)) {
        return false;
    }
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    let (mut p, mut s) = (0, 0);
    // Position behind the last `**`, and the path component at which it was last tried.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(name) = path.get(s) {
        match pattern.get(p) {
            Some(&"**") => {
                retry = Some((p + 1, s));
                p += 1;
            }
            Some(want) if matches_name(want, name) => {
                p += 1;
                s += 1;
            }
            _ => {
                let Some((behind, tried)) = retry else { return false };
                retry = Some((behind, tried + 1));
                p = behind;
                s = tried + 1;
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|part| *part == "**"))
}

/// Whether a pattern with `*` matches one name as a whole.
pub(crate) fn matches_name(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or("");
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (pattern, name, want) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("resolv.conf*", "resolv.conf", true),
            ("*.service", "k3s.service", true),
            ("*.service", "k3s.service.d", false),
            ("k*.d", "k3s.service.d", true),
            ("ab*b", "ab", false),
            ("*a*a*", "aa", true),
            ("*a*a*", "a", false),
        ] {
            assert_eq!(matches_name(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn paths() {
        for (pattern, path, want) in [
            ("etc/*", "etc/hosts", true),
            ("etc/*", "etc/a/b", false),
            ("etc/**", "etc/a/b", true),
            ("**/Corefile", "Corefile", true),
            ("**/Corefile", "a/b/Corefile", true),
            ("**/a/**/c", "x/a/b/a/c", true),
            ("**/a/**/c", "x/a/b/a/d", false),
            ("etc/**/k/*.yaml", "etc/k/a.yaml", true),
            ("etc/**/k/*.yaml", "etc/k/k/b/a.yaml", false),
            ("etc", "etc/x", false),
        ] {
            assert_eq!(matches_path(pattern, path), want, "{pattern} {path}");
        }
    }
}
