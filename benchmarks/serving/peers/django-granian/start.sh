# Tuned: one worker, and of 1 to 4 blocking threads four, which answered the most with 64 connections; no WebSockets and,
# as by default, no access log.
exec granian --interface wsgi --host 127.0.0.1 --port "$PORT" --workers 1 --blocking-threads 4 --no-ws \
    --log-level error app:app
