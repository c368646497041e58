#!/usr/bin/env bash
# Builds Prism, Beam's runner in Go, in the version of the Beam that is installed, and starts it.
#
#   deploy/prism.sh FOLDER          builds FOLDER/prism-VERSION unless it is there, and prints its path
#   deploy/prism.sh FOLDER PORT     also starts it, as a job server at this port
#
# Needs Go (https://go.dev/dl). Go's module proxy is asked for the sources; a build takes some minutes.
set -euo pipefail
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: deploy/prism.sh FOLDER [PORT]" >&2
  exit 2
fi
version=$("${PYTHON:-python3}" -c 'import importlib.metadata; print(importlib.metadata.version("apache-beam"))')
mkdir -p "$1"
folder=$(cd "$1" && pwd)
prism=$folder/prism-$version
if [ ! -x "$prism" ]; then
  building=$(mktemp -d "$folder/building.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  GOBIN=$building go install "github.com/apache/beam/sdks/v2/go/cmd/prism@v$version"
  mv "$building/prism" "$prism"
  rm -rf "$building"
  trap - EXIT
fi
echo "$prism"
if [ $# -eq 2 ]; then
  exec "$prism" -job_port "$2" -serve_http=false -log_kind text
fi
