//! YAML as Kubernetes reads it, with the span of every key and value.
