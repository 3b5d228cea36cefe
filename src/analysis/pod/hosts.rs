//! Finds host names in the texts of a pod specification: URLs, `host:port`, and words where a host is expected.

/// Longest text that is searched for bare words; longer ones are scripts or documents, in which only URLs count.
const MAX_BARE_TEXT: usize = 512;
/// Longest text that is searched at all.
const MAX_TEXT: usize = 64 * 1024;

/// What stands before a text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The environment variable whose value it is.
    pub variable: Option<&'a str>,
    /// The flag (`--redis-host`) that it follows as a word of its own.
    pub flag: Option<&'a str>,
}

/// A host name in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host<'t> {
    /// The name, without port; a trailing dot is kept.
    pub name: &'t str,
    /// Where it starts, in bytes.
    pub offset: usize,
    /// Nothing around it says that it is a host: it only counts if it is a name of the cluster.
    pub anywhere: bool,
}

/// Words in the names of flags and variables whose values are identities or names to serve, which nobody looks up.
const IDENTITIES: [&str; 13] = [
    "service-account-issuer",
    "service-account-jwks-uri",
    "api-audiences",
    "audience",
    "cluster-domain",
    "dns-names",
    "dns-name",
    "tls-san",
    "subject",
    "allowed-hosts",
    "cors",
    "virtual-host",
    "no-proxy",
];

/// Host names in a text, in order of appearance within each way of finding them.
#[must_use]
pub fn hosts_in<'t>(text: &'t str, context: Context<'_>) -> Vec<Host<'t>> {
    let mut found = Vec::new();
    if text.len() > MAX_TEXT || !text.bytes().any(|b| b.is_ascii_alphabetic()) {
        return found;
    }
    // most texts are words such as `info`: leave before anything is built
    let has_dot = text.contains('.');
    let (flag, start) = own_flag(text).map_or((context.flag, 0), |(flag, at)| (Some(flag), at));
    let setting = context.variable.or(flag);
    if setting.is_some_and(is_identity) {
        return found;
    }
    urls(text, &mut found);
    if found.is_empty() && text.len() <= MAX_BARE_TEXT && !text.contains(char::is_whitespace) {
        let expected = setting.is_some_and(names_a_host);
        if (expected || has_dot) && !text.get(start..).is_some_and(|value| value.contains(['/', '@', '{'])) {
            bare(text, start, expected, &mut found);
        }
    }
    if has_dot {
        words(text, &mut found);
    }
    found
}

/// `--flag=value`: the flag and where the value starts.
fn own_flag(text: &str) -> Option<(&str, usize)> {
    let at = text.find('=').filter(|_| text.starts_with('-'))?;
    Some((text.get(..at)?, at + 1))
}

fn is_identity(setting: &str) -> bool {
    let lower = setting.to_ascii_lowercase().replace('_', "-");
    IDENTITIES.iter().any(|word| lower.contains(word))
}

/// Whether a variable's or flag's name says that its value is a host.
fn names_a_host(setting: &str) -> bool {
    const WORDS: [&str; 9] =
        ["host", "hosts", "server", "servers", "endpoint", "endpoints", "broker", "brokers", "upstream"];
    const ADDRESSES: [&str; 2] = ["addr", "address"];
    let last = setting.rsplit(['_', '-', '.']).next().unwrap_or("");
    let listens = ["listen", "bind", "advertise"].iter().any(|word| contains_ignoring_case(setting, word));
    let is = |word: &&str| last.eq_ignore_ascii_case(word);
    // PGHOST and the like write no separator
    let ends_in_host = last.len() > 4 && last.get(last.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case("host"));
    !listens && (WORDS.iter().any(is) || ADDRESSES.iter().any(is) || ends_in_host)
}

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// The authorities of URLs, and `tcp(host:port)` of Go's database sources.
fn urls<'t>(text: &'t str, found: &mut Vec<Host<'t>>) {
    for opening in ["://", "tcp("] {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(opening)) {
            let start = from + at + opening.len();
            let ends = ['/', '?', '#', ' ', '"', '\'', '\n', '\t', ')', '\\', '<', '>', ';', '|', '`'];
            let end = text.get(start..).and_then(|rest| rest.find(ends)).map_or(text.len(), |e| start + e);
            authority(text, start, end, |name, offset| {
                if is_host_name(name) && name != "www.w3.org" {
                    found.push(Host { name, offset, anywhere: false });
                }
            });
            from = end.max(start);
        }
    }
}

/// A value that is nothing but hosts, with or without ports.
fn bare<'t>(text: &'t str, start: usize, expected: bool, found: &mut Vec<Host<'t>>) {
    authority(text, start, text.len(), |name, offset| {
        let has_port = text
            .get(offset + name.len()..)
            .and_then(|rest| rest.strip_prefix(':'))
            .is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()));
        let host = is_host_name(name) && !looks_like_a_file(name) && !looks_like_a_class(name);
        if host && (expected || (has_port && name.contains('.'))) {
            found.push(Host { name, offset, anywhere: false });
        }
    });
}

/// Words with a dot anywhere in a script, a document or a list.
fn words<'t>(text: &'t str, found: &mut Vec<Host<'t>>) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(is_part)) {
        let start = from + at;
        let end = text.get(start..).and_then(|rest| rest.find(|c| !is_part(c))).map_or(text.len(), |e| start + e);
        let word = text.get(start..end).unwrap_or("");
        // a path, an e-mail's domain, or the tail of an expression such as `$(…).svc` is no name of its own
        let before = text.get(..start).and_then(|head| head.chars().next_back());
        let after = text.get(end..).and_then(|tail| tail.chars().next());
        let own = !matches!(before, Some('/' | '@' | '$' | '}' | ')' | '*')) && !matches!(after, Some('/' | '$' | '('));
        if own && word.contains('.') && is_host_name(word) && !found.iter().any(|f| f.offset == start) {
            found.push(Host { name: word, offset: start, anywhere: true });
        }
        from = end.max(start + 1);
    }
}

/// Splits `user@a:1,b:2` into its hosts.
fn authority<'t>(text: &'t str, start: usize, end: usize, mut see: impl FnMut(&'t str, usize)) {
    let Some(authority) = text.get(start..end) else { return };
    let (authority, start) = match authority.rfind('@') {
        Some(at) => (authority.get(at + 1..).unwrap_or(""), start + at + 1),
        None => (authority, start),
    };
    let mut offset = start;
    for part in authority.split(',') {
        see(part.split(':').next().unwrap_or(""), offset);
        offset += part.len() + 1;
    }
}

/// Letters, digits, hyphens and dots, with a letter in the last label: neither an address nor a version number.
fn is_host_name(text: &str) -> bool {
    let bare = text.strip_suffix('.').unwrap_or(text);
    let label_fine = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = bare.rsplit('.').next().unwrap_or("");
    bare.len() <= 253 && last.starts_with(|c: char| c.is_ascii_alphabetic()) && bare.split('.').all(label_fine)
}

/// `config.yaml` in an argument is a file, not a host.
fn looks_like_a_file(name: &str) -> bool {
    const ENDINGS: [&str; 22] = [
        "yaml",
        "yml",
        "json",
        "conf",
        "cfg",
        "toml",
        "xml",
        "js",
        "jar",
        "war",
        "crt",
        "pem",
        "key",
        "txt",
        "log",
        "sock",
        "ini",
        "properties",
        "html",
        "css",
        "gz",
        "tar",
    ];
    // these are top-level domains too
    const SHORT: [&str; 6] = ["sh", "py", "so", "db", "sql", "rs"];
    let Some((head, end)) = name.rsplit_once('.') else { return false };
    ENDINGS.contains(&end) || (SHORT.contains(&end) && !head.contains('.'))
}

/// `com.example.Main`: a Java package or class.
fn looks_like_a_class(name: &str) -> bool {
    const ROOTS: [&str; 7] = ["com", "org", "net", "io", "java", "javax", "de"];
    let (first, last) = (name.split('.').next().unwrap_or(""), name.rsplit('.').next().unwrap_or(""));
    name.matches('.').count() >= 2
        && ROOTS.contains(&first)
        && (last.starts_with(|c: char| c.is_ascii_uppercase()) || !is_customary_top_level(last))
}

/// Whether a label is a top-level domain in general use: two letters, a generic one, or a customary private one.
#[must_use]
pub fn is_customary_top_level(label: &str) -> bool {
    const LONG: [&str; 52] = [
        "academy",
        "agency",
        "app",
        "arpa",
        "aws",
        "biz",
        "blog",
        "build",
        "business",
        "cloud",
        "codes",
        "com",
        "company",
        "corp",
        "dev",
        "digital",
        "edu",
        "email",
        "engineering",
        "example",
        "global",
        "gov",
        "group",
        "home",
        "info",
        "int",
        "internal",
        "intra",
        "intranet",
        "invalid",
        "lan",
        "live",
        "localdomain",
        "mil",
        "mobi",
        "net",
        "network",
        "online",
        "org",
        "page",
        "private",
        "pro",
        "run",
        "services",
        "shop",
        "site",
        "software",
        "store",
        "systems",
        "tech",
        "test",
        "xyz",
    ];
    (label.len() == 2 && label.bytes().all(|b| b.is_ascii_alphabetic())) || LONG.binary_search(&label).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts<'t>(text: &'t str, variable: &str) -> Vec<&'t str> {
        let context = Context { variable: (!variable.is_empty()).then_some(variable), flag: None };
        hosts_in(text, context).into_iter().filter(|h| !h.anywhere).map(|h| h.name).collect()
    }

    #[test]
    fn finds_hosts_where_a_reader_would_see_them() {
        for (text, variable, names) in [
            ("https://api.example.com/v1?x=1", "", vec!["api.example.com"]),
            ("postgres://u:p@db.data.svc.cluster.local:5432/app", "", vec!["db.data.svc.cluster.local"]),
            ("jdbc:postgresql://db.data:5432/app", "JDBC_URL", vec!["db.data"]),
            ("u:p@tcp(mysql.default:3306)/app", "DSN", vec!["mysql.default"]),
            ("kafka-0.kafka:9092,kafka-1.kafka:9092", "KAFKA_BROKERS", vec!["kafka-0.kafka", "kafka-1.kafka"]),
            ("redis-master", "REDIS_HOST", vec!["redis-master"]),
            ("postgres", "PGHOST", vec!["postgres"]),
            ("--redis-host=redis", "", vec!["redis"]),
            ("--spring.redis.host=redis", "", vec!["redis"]),
            ("--config-url=https://config.iot.example.com/v1", "", vec!["config.iot.example.com"]),
            ("curl -s http://orders:8080/health; sleep 5", "", vec!["orders"]),
            ("api.example.com:443", "", vec!["api.example.com"]),
        ] {
            assert_eq!(hosts(text, variable), names, "{text}");
        }
        let text = "https://a.example.com/";
        assert_eq!(hosts_in(text, Context::default()), [Host { name: "a.example.com", offset: 8, anywhere: false }]);
        let after_flag = Context { variable: None, flag: Some("--redis-host") };
        assert_eq!(hosts_in("redis", after_flag).len(), 1);
    }

    #[test]
    fn leaves_what_only_looks_like_a_host() {
        for (text, variable) in [
            ("10.0.0.1:53", "DB_HOST"),
            ("config.yaml", "SERVER"),
            ("1.2.3", "HOST"),
            ("v1.2.3", "VERSION"),
            ("info", ""),
            ("com.example.app.Main", "SERVER"),
            ("com.example.Foo", "MAIN_CLASS"),
            ("registry.example.com/team/app:1.2", "IMAGE"),
            ("registry.example.com:5000/team/app", "IMAGE"),
            ("ops@example.com", "MAIL_SERVER"),
            ("0.0.0.0:8080", "LISTEN_ADDR"),
            ("web.example.com", "BIND_HOST"),
            ("server.key", "TLS_KEY"),
            ("{\"level\":\"info\"}", "LOG_SERVER"),
            ("--service-account-issuer=https://kubernetes.default.svc.cluster.local", ""),
            ("localhost,.svc,10.0.0.0/8", "NO_PROXY"),
        ] {
            assert_eq!(hosts(text, variable), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn words_with_dots_anywhere_are_offered() {
        let all = |text| hosts_in(text, Context::default()).into_iter().map(|h| h.name).collect::<Vec<_>>();
        assert_eq!(all("until nslookup db.data.svc; do sleep 1; done"), ["db.data.svc"]);
        assert_eq!(all("{\"db\":\"db.data.svc.cluster.local\"}"), ["db.data.svc.cluster.local"]);
        assert_eq!(all("mydb.$(cat ns).svc.cluster.local"), Vec::<&str>::new());
        assert_eq!(all("--cluster-domain=cluster.local"), Vec::<&str>::new());
    }

    #[test]
    fn the_list_of_top_level_domains_is_sorted() {
        assert!(is_customary_top_level("com") && is_customary_top_level("academy") && is_customary_top_level("xyz"));
        assert!(is_customary_top_level("internal") && !is_customary_top_level("cache"));
    }
}
