# As its documentation says, which writes an access log. TUNED=1: none, uvloop and httptools named.
if [ "${TUNED:-0}" = 1 ]; then
    exec uvicorn app:app --host 127.0.0.1 --port "$PORT" --loop uvloop --http httptools --no-access-log
fi
exec fastapi run app.py --host 127.0.0.1 --port "$PORT"
