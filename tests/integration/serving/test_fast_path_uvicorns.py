"""The fast path with each minor release of uvicorn since 0.38: it is on and answers right, or off and says so."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RELEASES = (
    "0.38.0",
    "0.39.0",
    "0.40.0",
    "0.41.0",
    "0.42.0",
    "0.43.0",
    "0.44.0",
    "0.45.0",
    "0.46.0",
    "0.47.0",
    "0.48.0",
    "0.49.0",
    "0.50.2",
    "0.51.0",
    "0.52.4",
    "0.53.0",
    "0.54.0",
)
NEWEST = ""

#: Serves in the folder of a service, asks it over one connection, and prints what it got.
SCRIPT = """
import asyncio, json, socket
import uvicorn
import fast
from app import app, service

BODY = b'{"features": [[5.1,3.5,1.4,0.2]]}'
HEAD = b"POST /predict HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n"

def post(body, extra=b""):
    return HEAD % len(body) + extra + b"\\r\\n" + body

async def main():
    kind = fast.protocol(service, app)
    server = uvicorn.Server(uvicorn.Config(app, http=kind, log_level="warning", access_log=False, ws="none"))
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(post(BODY) + b"GET /livez HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" + post(b"nonsense"))
    writer.write(post(BODY, b"Expect: 100-continue\\r\\n") + post(BODY)[:60])
    await asyncio.sleep(0.05)
    writer.write(post(BODY)[60:] + post(BODY, b"Connection: close\\r\\n"))
    received = await asyncio.wait_for(reader.read(), 10)
    server.should_exit = True
    await serving
    lines = [line for line in received.decode().split("\\r\\n") if "HTTP/1.1 " in line]
    told = {"uvicorn": uvicorn.__version__, "fast": kind != "auto", "counted": server.server_state.total_requests}
    print(json.dumps({**told, "answers": [line.rpartition("HTTP/1.1 ")[2][:3] for line in lines]}))

asyncio.run(main())
"""


@pytest.mark.parametrize("release", [*RELEASES, NEWEST], ids=[*RELEASES, "newest"])
def test_a_release_of_uvicorn_serves_with_the_fast_path_or_says_that_it_does_not(
    release: str, scaffolded: Callable[..., Path], tmp_path: Path
) -> None:
    wheel = download(f"uvicorn=={release}" if release else "uvicorn", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=scaffolded("numeric", "asgi"),
        env=os.environ | {"PYTHONPATH": f"{wheel}{os.pathsep}.", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["answers"] == ["200", "200", "400", "100", "200", "200", "200"]
    assert told["counted"] == 6
    assert wheel.name.startswith(f"uvicorn-{told['uvicorn']}-")
    assert told["fast"] or "no fast path: this uvicorn has another" in done.stderr
    if release in RELEASES:
        assert told["fast"]


def download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", requirement]
    done = subprocess.run([*command, "--dest", str(folder)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0 and not os.environ.get("CI"):
        pytest.skip(f"{requirement} cannot be downloaded here")
    assert done.returncode == 0, done.stderr
    [wheel] = folder.glob("*.whl")  # of pure Python, which can be imported as it is
    return wheel
