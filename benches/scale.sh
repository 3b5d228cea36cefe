#!/usr/bin/env bash
# Wall time and peak memory of check, trace and resolv-conf on a generated cluster.
# usage: benches/scale.sh [NODES PODS SERVICES]      (5000 150000 10000)
set -euo pipefail
cd "$(dirname "$0")/.."
nodes=${1:-5000} pods=${2:-150000} services=${3:-10000}
bin=${DNSLINT:-target/release/dnslint}
[ -x "$bin" ] || { echo "$bin is missing: cargo build --release" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 benches/generate.py "$work/c" --nodes "$nodes" --pods "$pods" --services "$services" --deployments $((pods / 30))
printf '%s nodes, %s pods, %s Services, %s of input\n' "$nodes" "$pods" "$services" "$(du -sh --apparent-size "$work/c" | cut -f1)"

measure() { # measure NAME ARGUMENT...
  local name=$1 report
  shift
  # GNU time prints seconds and KiB last; findings give exit code 1
  report=$( { command time -f '%e %U %M' "$bin" "$@" >/dev/null || true; } 2>&1 | grep -E '^[0-9.]+ [0-9.]+ [0-9]+$' | tail -n 1)
  awk -v n="$name" '{printf "%-12s %7.1f s wall  %7.1f s CPU  %7.0f MiB\n", n, $1, $2, $3 / 1024}' <<<"$report"
}
measure check check "$work/c" --output-format concise
measure trace trace deploy/team-0/app-0 app-1.team-1 "$work/c"
measure resolv-conf resolv-conf deploy/team-0/app-0 "$work/c"
