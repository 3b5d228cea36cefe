//! Node caches from manifests.
