# Tuned: uvloop and httptools (uvicorn[standard]), no access log, one worker.
exec uvicorn app:app --host 127.0.0.1 --port "$PORT" --loop uvloop --http httptools --no-access-log
