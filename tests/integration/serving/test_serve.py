"""How ``python serve.py`` starts, and what it says when it cannot."""

import http.client
import shutil
import signal
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.serving.processes import BODY, BOTH, ENDING, Server, until

Serve = Callable[..., Server]


@BOTH
def test_it_speaks_tls_with_the_certificate_that_it_is_given(
    serve: Serve, certificate: tuple[Path, Path], framework: str
) -> None:
    cert, key = map(str, certificate)
    server = serve(framework, ready=False, TLS_CERT=cert, TLS_KEY=key)
    context = ssl.create_default_context(cafile=cert)

    def ask() -> bytes:
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=10, context=context)
        try:
            connection.request("POST", "/predict", BODY)
            return connection.getresponse().read()
        except OSError:
            return b""
        finally:
            connection.close()

    until(lambda: ask() == b'{"prediction":[0]}')
    with pytest.raises((OSError, http.client.HTTPException)):
        server.ask()


@BOTH
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_broken_model_folder_is_told_in_one_line(serve: Serve, framework: str, workers: str, tmp_path: Path) -> None:
    server = serve(framework, ready=False, MODEL_DIR=str(tmp_path / "nothing"), WORKERS=workers)
    assert server.process.wait(ENDING) == 1
    lines = [line for line in server.log.read_text().splitlines() if not line.startswith("serving at")]
    assert set(lines) == {
        line for line in lines if line.startswith(f"error: the model folder '{tmp_path}/nothing' can")
    }
    assert lines


@BOTH
def test_a_model_folder_without_examples_is_told_in_one_line(
    serve: Serve, scaffolded: Callable[..., Path], framework: str, tmp_path: Path
) -> None:
    shutil.copytree(scaffolded("numeric", framework) / "model", tmp_path / "model")
    (tmp_path / "model" / "examples.json").unlink()
    server = serve(framework, ready=False, MODEL_DIR=str(tmp_path / "model"))
    assert server.process.wait(ENDING) == 1
    assert "examples.json' has no examples" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()


@BOTH
@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "http"), ("WORKERS", "some"), ("MAX_ROWS", "0"), ("API_KEYS_FILE", "/no-such-file")]
)
def test_a_setting_that_cannot_be_meant_is_told_in_one_line(
    serve: Serve, framework: str, name: str, value: str
) -> None:
    server = serve(framework, ready=False, **{name: value})
    assert server.process.wait(ENDING) == 2
    [line] = server.log.read_text().splitlines()
    assert line.startswith("error: ")
    assert value in line


@BOTH
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("GRPC_PORT", "18132", "made without gRPC"), ("SHARED_DIR", "/proc/no-such-folder", "SHARED_DIR")],
)
def test_what_a_worker_cannot_do_is_told_in_one_line(
    serve: Serve, framework: str, name: str, value: str, told: str
) -> None:
    server = serve(framework, ready=False, **{name: value})
    assert server.process.wait(ENDING) != 0
    log = server.log.read_text()
    assert told in log
    assert "Traceback" not in log


@BOTH
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_in_use_is_told_in_one_line(serve: Serve, framework: str, workers: str) -> None:
    first = serve(framework)
    second = serve(framework, ready=False, PORT=str(first.port), WORKERS=workers)
    assert second.process.wait(ENDING) == 1
    assert second.log.read_text() == f"error: cannot serve at http://127.0.0.1:{first.port}: address already in use\n"


@BOTH
def test_a_changed_file_starts_it_anew(
    serve: Serve, scaffolded: Callable[..., Path], framework: str, tmp_path: Path
) -> None:
    service = shutil.copytree(scaffolded("numeric", framework), tmp_path / "service")
    server = serve(framework, service, RELOAD="1")
    app = service / "app.py"
    app.write_text(app.read_text() + "\nservice.trouble = 'it has changed'\n")
    until(lambda: _readyz(server) == '{"status":"it has changed"}')
    broken = app.read_text()
    app.write_text("def broken(:")
    until(lambda: "SyntaxError" in server.log.read_text())
    app.write_text(broken)
    until(lambda: _readyz(server) == '{"status":"it has changed"}')
    assert server.end(signal.SIGINT) == 0


def _readyz(server: Server) -> str:
    try:
        return server.ask("GET", "/readyz")[1]
    except (OSError, http.client.HTTPException):
        return ""
