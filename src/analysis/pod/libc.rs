//! Which C library an image's programs resolve names with, as far as its name tells.

use serde::Serialize;

/// The resolver inside a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Libc {
    /// GNU libc: honours `single-request-reopen`.
    Glibc,
    /// musl (Alpine): knows no resolver flag at all.
    Musl,
    /// Go's own resolver: one socket a question.
    Go,
    /// The image's name does not tell.
    Unknown,
}

/// Image names of distributions that ship glibc.
const GLIBC_IMAGES: [&str; 16] = [
    "almalinux",
    "amazonlinux",
    "archlinux",
    "buildpack-deps",
    "centos",
    "debian",
    "fedora",
    "opensuse",
    "oraclelinux",
    "redhat",
    "rhel",
    "rockylinux",
    "ubi8",
    "ubi9",
    "ubuntu",
    "sles",
];
/// Tag parts that name a glibc distribution.
const GLIBC_TAGS: [&str; 17] = [
    "bionic", "bookworm", "bullseye", "buster", "centos", "debian", "focal", "jammy", "jessie", "noble", "slim",
    "stretch", "trixie", "ubi", "ubuntu", "xenial", "fedora",
];
/// Official images whose untagged variants are built on a glibc distribution, sorted.
const DEBIAN_BASED: [&str; 43] = [
    "amazoncorretto",
    "buildpack-deps",
    "cassandra",
    "couchbase",
    "couchdb",
    "drupal",
    "eclipse-temurin",
    "elasticsearch",
    "elixir",
    "erlang",
    "flink",
    "gcc",
    "ghost",
    "golang",
    "gradle",
    "haproxy",
    "httpd",
    "influxdb",
    "jenkins",
    "jetty",
    "kibana",
    "logstash",
    "mariadb",
    "maven",
    "memcached",
    "mongo",
    "mysql",
    "neo4j",
    "nextcloud",
    "nginx",
    "node",
    "openjdk",
    "percona",
    "perl",
    "php",
    "postgres",
    "python",
    "rabbitmq",
    "redis",
    "ruby",
    "rust",
    "tomcat",
    "wordpress",
];

/// The library that an image reference points to.
///
/// Alpine is recognised by name or tag (`alpine3.19`, `-alpine`); glibc distributions by name or by the suite in the
/// tag; Docker's official images without a variant in the tag are built on Debian. `distroless/static` and `scratch`
/// hold no C library, which in practice means Go.
#[must_use]
pub fn of_image(image: &str) -> Libc {
    let reference = image.split('@').next().unwrap_or(image).to_ascii_lowercase();
    let path_start = reference.rfind('/').map_or(0, |at| at + 1);
    let last = reference.get(path_start..).unwrap_or("");
    let (name, tag) = last.split_once(':').unwrap_or((last, ""));
    let words = |text: &str| text.split(['-', '_', '.']).map(str::to_owned).collect::<Vec<_>>();
    if name.contains("alpine") || words(tag).iter().any(|word| word.starts_with("alpine") || word == "musl") {
        return Libc::Musl;
    }
    if reference.contains("distroless/static") {
        return Libc::Go;
    }
    let glibc_tag = words(tag).iter().any(|word| GLIBC_TAGS.iter().any(|t| word.starts_with(t)));
    let official =
        !reference.contains('/') || reference.starts_with("docker.io/library/") || reference.starts_with("library/");
    let glibc_name =
        words(name).iter().any(|word| word == "ubi" || GLIBC_IMAGES.iter().any(|known| word.starts_with(known)));
    if glibc_name
        || reference.contains("distroless/")
        || glibc_tag
        || (official && DEBIAN_BASED.binary_search(&name).is_ok())
    {
        return Libc::Glibc;
    }
    Libc::Unknown
}

/// The library that decides for a pod, and the index of the image that tells it.
///
/// One resolv.conf serves all containers, so that an option is of use where any of them has glibc; otherwise musl
/// tells more than Go.
#[must_use]
pub fn of_images<'a>(images: impl Iterator<Item = &'a str>) -> (Libc, Option<usize>) {
    let mut decided = (Libc::Unknown, None);
    for (index, image) in images.enumerate() {
        let libc = of_image(image);
        let rank = |libc: Libc| match libc {
            Libc::Glibc => 3,
            Libc::Musl => 2,
            Libc::Go => 1,
            Libc::Unknown => 0,
        };
        if rank(libc) > rank(decided.0) {
            decided = (libc, Some(index));
        }
    }
    decided
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_glibc_container_decides_for_the_pod() {
        let of = |images: &[&str]| of_images(images.iter().copied());
        assert_eq!(of(&["nginx:1-alpine", "debian:12"]), (Libc::Glibc, Some(1)));
        assert_eq!(of(&["example.com/x", "nginx:1-alpine"]), (Libc::Musl, Some(1)));
        assert_eq!(of(&["example.com/x"]), (Libc::Unknown, None));
    }

    #[test]
    fn image_names_tell_the_library() {
        for (image, libc) in [
            ("alpine:3.19", Libc::Musl),
            ("nginx:1.25-alpine", Libc::Musl),
            ("node:20-alpine3.19", Libc::Musl),
            ("quay.io/x/alpine-tools", Libc::Musl),
            ("nginx:1.25", Libc::Glibc),
            ("docker.io/library/python:3.12-slim-bookworm", Libc::Glibc),
            ("registry.example.com/team/api:1.2-jammy", Libc::Glibc),
            ("ubuntu", Libc::Glibc),
            ("registry.access.redhat.com/ubi9/ubi-minimal:9.3", Libc::Glibc),
            ("gcr.io/distroless/static-debian12", Libc::Go),
            ("gcr.io/distroless/base-debian12", Libc::Glibc),
            ("registry.example.com/team/nginx:1", Libc::Unknown),
            ("n8nio/n8n:1.90.2", Libc::Unknown),
            ("ubuntu@sha256:abcd", Libc::Glibc),
            ("eclipse-temurin:21-jre", Libc::Glibc),
            ("amazoncorretto:21", Libc::Glibc),
            ("wordpress", Libc::Glibc),
            ("busybox:1.36-musl", Libc::Musl),
            ("busybox:1.36", Libc::Unknown),
        ] {
            assert_eq!(of_image(image), libc, "{image}");
        }
    }
}
