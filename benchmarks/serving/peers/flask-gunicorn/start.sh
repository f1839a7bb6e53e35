# Tuned: gthread, as a sync worker closes every connection after one answer; of 1 to 64 threads four answered the most
# with 64 connections. Gunicorn writes no access log unless asked.
exec gunicorn app:app --bind "127.0.0.1:$PORT" --workers 1 --worker-class gthread --threads 4 --keep-alive 60 \
    --log-level error
