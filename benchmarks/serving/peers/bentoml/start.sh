# Tuned: uvloop and httptools, which its uvicorn takes where they are installed; in service.py one worker, no access log,
# no metrics.
export BENTOML_DO_NOT_TRACK=True BENTOML_HOME="$WORK/bentoml"
exec bentoml serve service:Iris --host 127.0.0.1 --port "$PORT"
