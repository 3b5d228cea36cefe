#!/usr/bin/env bash
# Whether many pods of few shapes cost the rules more than the shapes: CPU time of checking a pod of each shape, and 100,000
# pods that are made like them. One rule shows what reading costs; the rules that find nothing add their evaluation, which
# must cost both the same; the one rule that finds something adds a finding and a fix for each pod.
# usage: benches/shapes.sh [PODS] [SHAPES]      (100000 20)
set -euo pipefail
cd "$(dirname "$0")/.."
pods=${1:-100000} shapes=${2:-20}
finding=pod-default-policy-cluster-names
bin=${DNSLINT:-target/release/dnslint}
[ -x "$bin" ] || { echo "$bin is missing: cargo build --release" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seconds() { # seconds ARGUMENT...: CPU time of a check; findings give exit code 1
  { command time -f '%U' "$bin" check "$@" --output-format concise >/dev/null || true; } 2>&1 | grep -E '^[0-9.]+$' | tail -n 1
}
for count in "$shapes" "$pods"; do
  in=$work/$count
  python3 benches/generate.py "$in" --nodes 1 --pods "$count" --services "$shapes" --deployments "$shapes"
  one=$(seconds "$in" --select pod-dns-config-truncated) quiet=$(seconds "$in" --ignore $finding) all=$(seconds "$in")
  printf '%7d pods: one rule %5.2f s, all that find nothing %5.2f s, all %5.2f s\n' "$count" "$one" "$quiet" "$all"
done
