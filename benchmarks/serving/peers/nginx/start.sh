# A constant answer, whatever is asked: the fastest that a server on one core can be. Tuned: one worker, no logs, and
# connections that are never closed for their age.
cat > "$WORK/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $WORK/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path $WORK/body;
    proxy_temp_path $WORK/proxy;
    fastcgi_temp_path $WORK/fastcgi;
    uwsgi_temp_path $WORK/uwsgi;
    scgi_temp_path $WORK/scgi;
    server {
        listen 127.0.0.1:$PORT;
        location / {
            default_type application/json;
            return 200 '{"prediction":[0]}';
        }
    }
}
CONF
exec nginx -p "$WORK" -c "$WORK/nginx.conf"
