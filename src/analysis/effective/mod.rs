//! Effective configuration: kubelet, k3s and RKE2 precedence, resolver file choice, a pod's resolv.conf.
