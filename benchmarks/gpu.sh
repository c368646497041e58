#!/bin/sh
# Triptych on a GPU in one call of at most nine minutes: bash benchmarks/gpu.sh OUT [--tiny] [--part NAME]...
# Works from anywhere; PYTHON names another interpreter. See benchmarks/gpu/__main__.py.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
case ${1:-} in /* | -* | "") ;; *) out=$PWD/$1; shift; set -- "$out" "$@" ;; esac
cd "$root"
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1 exec "${PYTHON:-python3}" -m benchmarks.gpu "$@"
