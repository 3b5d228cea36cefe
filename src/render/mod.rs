//! Generates node-cache manifests and node settings from the cluster and `templates/`.
