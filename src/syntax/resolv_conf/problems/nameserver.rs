//! Mistakes in `nameserver` lines.

use crate::source::{Span, Spanned};

use super::super::Line;
use super::super::address::{inet_aton, strict, v6_with_zone};
use super::{Problem, ProblemKind, Reader};

pub(super) fn check(line: &Line, found: &mut Vec<Problem>) {
    let Some((address, rest)) = line.arguments().split_first() else { return bare(line, found) };
    if strict(&address.value).is_none() {
        found.push(bad_address(address));
    }
    let Some(first) = rest.first() else { return };
    let span = Span::new(first.span.start, rest.last().map_or(first.span.end, |last| last.span.end));
    if first.value.starts_with(['#', ';']) {
        let message = "the text behind the address is ignored by every reader";
        found.push(Problem::new(ProblemKind::TrailingComment, span, &[], message).harmless());
    } else {
        let message = "only the first address of the line counts; each nameserver needs its own line";
        found.push(Problem::new(ProblemKind::MoreWordsIgnored, span, &Reader::ALL, message));
    }
}

fn bare(line: &Line, found: &mut Vec<Problem>) {
    let Some(keyword) = line.keyword() else { return };
    let blank_behind = !line.is_indented() && keyword.span.end < line.span.end && !line.raw.ends_with("nameserver\r");
    let readers: &[Reader] = if blank_behind { &[Reader::Kubelet, Reader::K3s] } else { &[Reader::Kubelet] };
    let message = "`nameserver` has no address: the kubelet refuses the whole file and starts no pod";
    found.push(Problem::new(ProblemKind::BareNameserver, keyword.span, readers, message));
}

/// The problem of a word that is no strict address.
fn bad_address(word: &Spanned<String>) -> Problem {
    let text = word.value.as_str();
    let all = &Reader::ALL;
    if let Some((ip, Some(_))) = v6_with_zone(text) {
        let readers = [Reader::Kubelet, Reader::K3s, Reader::CoreDns];
        let message = format!(
            "`{text}` has a zone: k3s rejects the file, CoreDNS cuts the zone off, and in a pod it names another interface"
        );
        return Problem::new(ProblemKind::ScopedLinkLocal, word.span, &readers, message).suggesting(ip.to_string());
    }
    if let Some(ip) = inet_aton(text) {
        let message = format!("`{text}` means {ip} to glibc and musl and is no address to Go programs");
        let readers = [Reader::Go, Reader::Kubelet, Reader::K3s, Reader::CoreDns];
        return Problem::new(ProblemKind::NonStandardAddress, word.span, &readers, message).suggesting(ip.to_string());
    }
    if text.contains(',') {
        let message = format!("`{text}` is one word and no address; each nameserver needs its own line");
        return Problem::new(ProblemKind::CommaList, word.span, all, message);
    }
    if let Some(ip) = with_port(text) {
        let message = format!("`{text}` has a port, which resolv.conf does not know; the line is ignored");
        return Problem::new(ProblemKind::PortInNameserver, word.span, all, message).suggesting(ip);
    }
    if let Some(ip) = text.split(['#', ';']).next().filter(|head| head.len() < text.len() && strict(head).is_some()) {
        let message = format!("`{text}` is no address: a comment needs a blank before it");
        return Problem::new(ProblemKind::TrailingComment, word.span, all, message).suggesting(ip);
    }
    if is_host_name(text) {
        let message = format!("`{text}` is a host name; a nameserver must be an IP address");
        return Problem::new(ProblemKind::HostNameAsNameserver, word.span, all, message);
    }
    Problem::new(
        ProblemKind::NotAnAddress,
        word.span,
        all,
        format!("`{text}` is not an IP address; the line is ignored"),
    )
}

/// The address of `IP:port`, `[IPv6]:port`, `[IPv6]` or `IP#port`.
fn with_port(text: &str) -> Option<&str> {
    let (ip, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_once('#').or_else(|| text.rsplit_once(':'))?,
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    let is_port =
        port.is_empty() && text.starts_with('[') || !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    (is_port && strict(ip).is_some()).then_some(ip)
}

fn is_host_name(text: &str) -> bool {
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let name = text.strip_suffix('.').unwrap_or(text);
    name.split('.').all(label) && name.contains(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::super::tests::kinds;
    use super::*;

    #[test]
    fn words_that_are_no_address() {
        use ProblemKind as K;
        for (word, kind) in [
            ("10.0.0.1:5353", K::PortInNameserver),
            ("[::1]:53", K::PortInNameserver),
            ("[fd00::53]", K::PortInNameserver),
            ("10.0.0.2#5353", K::PortInNameserver),
            ("10.0.0.2#dc2", K::TrailingComment),
            ("10.0.0.3;dc3", K::TrailingComment),
            ("10.0.0.1,10.0.0.2", K::CommaList),
            ("dns.example", K::HostNameAsNameserver),
            ("localhost", K::HostNameAsNameserver),
            ("10.0.0.256", K::NotAnAddress),
            ("10.0.0.1/24", K::NotAnAddress),
            ("127.1", K::NonStandardAddress),
            ("010.0.0.010", K::NonStandardAddress),
            ("fe80::1%eth0", K::ScopedLinkLocal),
        ] {
            assert_eq!(kinds(&format!("nameserver {word}\n")), [(kind, word, true)], "{word}");
        }
        for word in ["10.0.0.1", "::1", "::ffff:10.0.0.1", "0.0.0.0"] {
            assert_eq!(kinds(&format!("nameserver {word}\n")), [], "{word}");
        }
    }

    #[test]
    fn text_behind_the_address() {
        assert_eq!(kinds("nameserver 10.0.0.1 # dc 1\n"), [(ProblemKind::TrailingComment, "# dc 1", false)]);
        assert_eq!(kinds("nameserver 10.0.0.1 10.0.0.2\n"), [(ProblemKind::MoreWordsIgnored, "10.0.0.2", true)]);
    }

    #[test]
    fn a_bare_nameserver_stops_the_kubelet() {
        assert_eq!(kinds("nameserver\n"), [(ProblemKind::BareNameserver, "nameserver", true)]);
        let conf = super::super::ResolvConf::parse("nameserver \n");
        let readers = super::super::problems(&conf).first().map(|p| p.readers.clone());
        assert_eq!(readers, Some(vec![Reader::Kubelet, Reader::K3s]));
    }
}
