"""A service that answers, in the form of mlship's own, after as many seconds as the body of the request says."""

import contextlib
import json
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Sleeper(BaseHTTPRequestHandler):
    """Answers; one thread for each connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        seconds = float(self.rfile.read(int(self.headers["Content-Length"])))
        if seconds:
            print(f"asked for {seconds:g} s", flush=True)
            time.sleep(seconds)
        self._answer({"model_version": "1", "outputs": [{"data": [seconds]}]})

    def log_message(self, *_: object) -> None:
        """Say nothing of single requests."""

    def _answer(self, told: object) -> None:
        content = json.dumps(told).encode()
        with contextlib.suppress(ConnectionError):  # a gateway that did not wait
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = ThreadingHTTPServer((sys.argv[1] if len(sys.argv) > 1 else "0.0.0.0", 8000), Sleeper)
    server.daemon_threads = True
    server.serve_forever()
