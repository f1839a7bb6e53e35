#!/usr/bin/env bash
# Ship a model with this mlship, as a user's CI job would, and hold its service to gates. $1: the folder of its mlship.
set -euo pipefail
bin=$(realpath "$1")
cd "$(mktemp -d)"
"$bin/python" - <<'PYTHON'
import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

data = load_iris(as_frame=True)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data, data.target)
joblib.dump(model, "model.joblib")
data.frame.to_csv("sample.csv", index=False)
PYTHON
"$bin/mlship" convert model.joblib --data sample.csv --target target
"$bin/mlship" optimize --set seconds=0.5
"$bin/mlship" scaffold
# Far from what a quiet machine shows, as CI's is not: they are to fire when something has broken.
"$bin/mlship" benchmark --set seconds=1 --output report \
  --fail-if 'errors > 0' \
  --fail-if 'throughput@c64 < 5000' \
  --fail-if 'p99@c8 > 50ms' \
  --fail-if 'p50@converted/1 row > 1ms' \
  --fail-if 'cold_start > 5s' \
  --fail-if 'rss > 250MB' \
  --fail-if 'accuracy < 0.9'
cat report/report.md
