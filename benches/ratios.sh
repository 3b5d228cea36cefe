#!/usr/bin/env bash
# Times dnslint as a whole process against other tools on the same input and prints medians and ratios.
# usage: benches/ratios.sh [RUNS]      (compares with kubeconform and yamllint where they are installed)
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-15}
cargo build --release --quiet
bin=target/release/dnslint
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

deployments() { # deployments COUNT FILE-SIZE DIR
  mkdir -p "$3"
  for ((i = 0; i < $1; i++)); do
    cat >>"$3/apps-$((i / $2)).yaml" <<YAML
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-$i
  namespace: team-$((i % 40))
  labels: {app.kubernetes.io/name: app-$i}
spec:
  replicas: $((i % 5 + 1))
  selector:
    matchLabels: {app.kubernetes.io/name: app-$i}
  template:
    metadata:
      labels: {app.kubernetes.io/name: app-$i}
    spec:
      containers:
        - name: main
          image: registry.example.com/team/app-$((i % 20)):1.$i
          env:
            - {name: DATABASE_HOST, value: db-$((i % 7)).data.svc.cluster.local}
            - {name: LOG_LEVEL, value: info}
          ports:
            - {containerPort: 8080, name: http}
          resources:
            requests: {cpu: 100m, memory: 128Mi}
YAML
  done
}

median_ms() { # median_ms COMMAND...
  local times=()
  "$@" >/dev/null 2>&1 || true
  for ((i = 0; i < runs; i++)); do
    local start end
    start=$(date +%s%N)
    "$@" >/dev/null 2>&1 || true
    end=$(date +%s%N)
    times+=($(((end - start) / 1000)))
  done
  printf '%s\n' "${times[@]}" | sort -n | awk '{v[NR]=$1} END {printf "%.1f", v[int((NR+1)/2)]/1000}'
}

row() { # row NAME DNSLINT-MS OTHER-NAME OTHER-MS
  awk -v n="$1" -v a="$2" -v o="$3" -v b="$4" 'BEGIN {printf "%-34s dnslint %8.1f ms   %-12s %8.1f ms   ratio %.2f\n", n, a, o, b, a/b}'
}

deployments 2000 100 "$work/apps"
snapshot=testdata/clusters/k3s-gateway
one=$(median_ms "$bin" check --isolated "$snapshot")
many=$(median_ms "$bin" check --isolated "$work/apps")
printf '%-34s dnslint %8.1f ms\n' "one node snapshot" "$one"
printf '%-34s dnslint %8.1f ms\n' "2,000 Deployments in 20 files" "$many"
if command -v kubeconform >/dev/null; then
  row "2,000 Deployments in 20 files" "$many" kubeconform "$(median_ms kubeconform "$work/apps")"
fi
if command -v yamllint >/dev/null; then
  row "2,000 Deployments in 20 files" "$many" yamllint "$(median_ms yamllint "$work/apps")"
  row "one node snapshot" "$one" yamllint "$(median_ms yamllint "$snapshot/manifests")"
fi
