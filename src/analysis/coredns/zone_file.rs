//! The master file format of RFC 1035, section 5, as far as names, types and data go.

/// Record types by name, which we tell apart from TTLs, classes and owners.
pub const TYPES: [&str; 16] = [
    "A", "AAAA", "CAA", "CNAME", "DNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SSHFP", "SVCB",
    "TXT",
];

/// One record of the zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Fully qualified, lower case.
    pub owner: String,
    /// Its type, upper case.
    pub kind: String,
    /// Its data; names are fully qualified.
    pub data: String,
}

/// The records of a file for a zone, or the reason why it cannot be read here.
///
/// # Errors
/// `$INCLUDE` and `$GENERATE`, which bring in what the text does not show.
pub fn read(text: &str, zone: &str) -> Result<Vec<Record>, String> {
    let (mut origin, mut owner) = (zone.to_owned(), zone.to_owned());
    let mut records = Vec::new();
    for line in lines(text) {
        let starts_blank = line.starts_with([' ', '\t']);
        let mut words: Vec<&str> = line.split_whitespace().collect();
        match words.first().map(|w| w.to_ascii_uppercase()).as_deref() {
            None => continue,
            Some("$ORIGIN") => {
                origin = absolute(words.get(1).copied().unwrap_or("."), &origin);
                continue;
            }
            Some("$TTL") => continue,
            Some(word) if word.starts_with('$') => return Err(format!("`{word}` of the zone file")),
            Some(_) => {}
        }
        if !starts_blank && !words.is_empty() {
            owner = absolute(words.remove(0), &origin);
        }
        let is_type = |w: &str| TYPES.iter().any(|t| t.eq_ignore_ascii_case(w));
        let Some(at) = words.iter().position(|w| is_type(w)) else { continue };
        let kind = words.get(at).map(|w| w.to_ascii_uppercase()).unwrap_or_default();
        let data = data(&kind, words.get(at + 1..).unwrap_or_default(), &origin);
        records.push(Record { owner: owner.clone(), kind, data });
    }
    Ok(records)
}

/// Logical lines: comments removed, parentheses joined.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut depth, mut quoted) = (String::new(), 0_usize, false);
    for raw in text.lines() {
        for c in raw.chars() {
            match c {
                '"' => quoted = !quoted,
                ';' if !quoted => break,
                '(' if !quoted => {
                    depth += 1;
                    continue;
                }
                ')' if !quoted => {
                    depth = depth.saturating_sub(1);
                    continue;
                }
                _ => {}
            }
            line.push(c);
        }
        quoted = false;
        if depth == 0 {
            lines.push(std::mem::take(&mut line));
        } else {
            line.push(' ');
        }
    }
    lines.push(line);
    lines
}

fn absolute(name: &str, origin: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "@" => origin.to_owned(),
        name if name.ends_with('.') => name.to_owned(),
        name if origin == "." => format!("{name}."),
        name => format!("{name}.{origin}"),
    }
}

/// The data with its name made absolute where the type has one.
fn data(kind: &str, words: &[&str], origin: &str) -> String {
    match (kind, words.split_last()) {
        ("CNAME" | "DNAME" | "NS" | "PTR" | "MX" | "SRV", Some((name, before))) => {
            let name = absolute(name, origin);
            before.iter().copied().chain([name.as_str()]).collect::<Vec<_>>().join(" ")
        }
        _ => words.join(" "),
    }
}

/// The owners of the SOA records, in the order of the file.
///
/// CoreDNS demands an SOA record, since 1.15 with the owner that the plugin names (`Parse` in `plugin/file/file.go`).
#[must_use]
pub fn soa_owners(records: &[Record]) -> Vec<&str> {
    records.iter().filter(|record| record.kind == "SOA").map(|record| record.owner.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_of_soa_records() {
        let owners = |text: &str| {
            let records = read(text, "a.org.").unwrap();
            soa_owners(&records).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(owners("@ 60 IN SOA ns h 1 1 1 1 1\nb.org. IN 60 SOA ns h 1 1 1 1 1\n"), ["a.org.", "b.org."]);
        assert_eq!(owners("$ORIGIN B.org.\nx NS ns\n  SOA ns h ( 1 1\n 1 1 1 )\n"), ["x.b.org."]);
        assert!(owners("a A 10.0.0.1\n").is_empty());
        assert!(read("$INCLUDE other\n", "a.org.").is_err());
    }
}
