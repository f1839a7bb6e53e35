"""A server that hands out tokens, as Docker's own registry does, and one that is in trouble."""

import base64
import contextlib
import http.server
import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mlship.errors import BaseImageMissingError, BuildError
from mlship.images.registries.references import Reference
from mlship.images.registries.transport import Transport


class Tokens(http.server.ThreadingHTTPServer):
    """Wants a token for each of pull and push, and lets ``lifetime`` requests pass with one; ann's word is right.

    ``trouble`` are codes to answer first; ``seen`` are requests: method, path, and authorization. ``elsewhere`` is
    where requests are sent on to, ``page`` what is answered in place of a token. With ``tls`` it wants that, and still
    sees what comes without.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tls, self.elsewhere, self.page = tls, "", b""
        self.lifetime, self.issued, self.used = 99, 0, Counter[str]()
        self.anonymous = True
        self.trouble: list[int] = []
        self.seen: list[tuple[str, str, str]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Tokens

    def setup(self) -> None:
        self.is_plain = self.request.recv(1, socket.MSG_PEEK) != b"\x16"  # how TLS begins
        if self.server.tls and not self.is_plain:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        authorization = self.headers.get("Authorization", "")
        self.server.seen.append((self.command, address.path, authorization))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.tls and self.is_plain:
            self._answer(400, "this wants HTTPS")
        elif self.server.elsewhere:
            self._send_on(self.server.elsewhere)
        elif address.path == "/token":
            self._hand_out(parse_qs(address.query), authorization)
        elif self.server.trouble:
            self._answer(self.server.trouble.pop(0), {"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]})
        else:
            self._serve(authorization)

    def do_PUT(self) -> None:
        self.do_GET()

    def _send_on(self, address: str) -> None:
        self.send_response(307)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _serve(self, authorization: str) -> None:
        scope = "repository:a/b:pull,push" if self.command == "PUT" else "repository:a/b:pull"
        self.server.used[authorization] += 1
        if authorization.startswith(f"Bearer {scope}|") and self.server.used[authorization] <= self.server.lifetime:
            self._answer(200, {})
        else:
            scheme = "https" if self.server.tls else "http"
            challenge = f'Bearer realm="{scheme}://{self.server.host}/token",service="test",scope="{scope}"'
            self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "no"}]}, challenge)

    def _hand_out(self, query: dict[str, list[str]], authorization: str) -> None:
        self.server.issued += 1
        known = authorization == f"Basic {base64.b64encode(b'ann:right').decode()}"
        if self.server.page:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.page)))
            self.end_headers()
            self.wfile.write(self.server.page)
        elif known or (not authorization and self.server.anonymous):
            self._answer(200, {"token": f"{query['scope'][0]}|{self.server.issued}"})
        else:
            self._answer(401, {})

    def _answer(self, code: int, told: object, challenge: str = "") -> None:
        content = json.dumps(told).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Tokens]:
    with Tokens(tls) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Tokens]:
    with running() as made:
        yield made


@pytest.fixture
def with_tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Tokens]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with running(context) as made:
        yield made


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "config.json"


def login(config: Path, server: Tokens, password: str) -> None:
    word = base64.b64encode(f"ann:{password}".encode()).decode()
    config.write_text(json.dumps({"auths": {server.host: {"auth": word}}}))


def reach(server: Tokens, doing: str = "push") -> Transport:
    return Transport(Reference(server.host, "a/b", "1"), BuildError, doing, (2.0, 2.0))


def test_a_token_is_fetched_for_the_password(server: Tokens, docker_config: Path) -> None:
    server.anonymous = False
    login(docker_config, server, "right")
    with reach(server) as transport:
        assert transport.send("PUT", "manifests/1", body=b"{}").status_code == 200


def test_a_token_is_fetched_without_a_password(server: Tokens) -> None:
    with reach(server, "pull") as transport:
        assert transport.send("GET", "manifests/1").status_code == 200


def test_a_token_is_used_until_it_is_too_old(server: Tokens) -> None:
    server.lifetime = 2
    with reach(server, "pull") as transport:
        codes = [transport.send("GET", "manifests/1").status_code for _ in range(5)]
    assert (codes, server.issued) == ([200] * 5, 3)


def test_what_was_for_pulling_is_traded_for_pushing(server: Tokens) -> None:
    with reach(server) as transport:
        assert transport.send("GET", "manifests/1").status_code == 200
        assert transport.send("PUT", "manifests/1", body=b"{}").status_code == 200


def test_a_token_is_not_shown_to_where_tokens_are_from(server: Tokens, docker_config: Path) -> None:
    login(docker_config, server, "right")
    with reach(server) as transport:
        transport.send("GET", "manifests/1")
        transport.send("PUT", "manifests/1", body=b"{}")
    shown = [authorization for _, path, authorization in server.seen if path == "/token"]
    assert len(shown) == 2
    assert all(authorization.startswith("Basic ") for authorization in shown)


def test_a_wrong_password_gets_no_token(server: Tokens, docker_config: Path) -> None:
    login(docker_config, server, "wrong")
    with reach(server) as transport, pytest.raises(BuildError, match="does not let 'ann' push 'a/b': no") as caught:
        transport.expect(transport.send("PUT", "manifests/1"), 201)
    assert caught.value.hint == f"docker login {server.host} as somebody who may"


def test_what_is_in_netrc_does_not_replace_the_token(
    server: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login bob password other\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with reach(server, "pull") as transport:
        assert transport.send("GET", "manifests/1").status_code == 200


@pytest.mark.parametrize("codes", [[503], [500, 502]])
def test_a_registry_in_trouble_is_asked_again(codes: list[int], server: Tokens) -> None:
    server.trouble = [*codes]
    with reach(server, "pull") as transport:
        assert transport.repeated(lambda: transport.send("GET", "manifests/1")).status_code == 200


def test_a_registry_that_stays_in_trouble_is_asked_three_times(server: Tokens) -> None:
    server.trouble = [503] * 9
    with reach(server, "pull") as transport, pytest.raises(BuildError, match="503 slow down"):
        transport.repeated(lambda: transport.send("GET", "manifests/1"))
    assert len(server.trouble) == 6


def test_a_registry_that_has_had_enough_is_not_asked_again(server: Tokens) -> None:
    server.trouble = [429] * 9
    with reach(server, "pull") as transport, pytest.raises(BuildError, match="lets you pull no more") as caught:
        transport.repeated(lambda: transport.expect(transport.send("GET", "manifests/1"), 200))
    assert len(server.trouble) == 8
    assert caught.value.hint == f"wait, or let it know who you are: docker login {server.host}"


def test_a_server_that_is_no_registry_is_refused(server: Tokens) -> None:
    server.trouble = [418]
    transport = Transport(Reference(server.host, "a/b", "1"), BaseImageMissingError, "pull", (2.0, 2.0))
    with transport, pytest.raises(BaseImageMissingError, match=r"failed to pull '.*': 418 slow down"):
        transport.expect(transport.send("GET", "manifests/1"), 200)


def test_where_a_registry_sends_us_on_to_does_not_get_the_password(server: Tokens, docker_config: Path) -> None:
    login(docker_config, server, "right")
    with running() as other, reach(server, "pull") as transport:
        server.elsewhere = f"http://{other.host}/v2/a/b/manifests/1"
        assert transport.send("GET", "manifests/1").status_code == 401
        assert {authorization for *_, authorization in other.seen} == {""}
        assert [path for _, path, _ in other.seen] == ["/v2/a/b/manifests/1"]


def test_an_address_elsewhere_is_not_signed(server: Tokens, docker_config: Path) -> None:
    login(docker_config, server, "right")
    with running() as other, reach(server, "pull") as transport:
        assert transport.send("GET", "manifests/1").status_code == 200
        transport.send("GET", f"http://{other.host}/v2/a/b/manifests/1")
        assert [authorization for *_, authorization in other.seen] == [""]


def test_what_has_tls_gets_no_token_without(with_tls: Tokens) -> None:
    with reach(with_tls, "pull") as transport:
        assert transport.send("GET", "manifests/1").status_code == 200
        with_tls.seen.clear()
        transport.send("GET", f"http://{with_tls.host}/v2/a/b/manifests/1")
    assert [authorization for *_, authorization in with_tls.seen] == [""]


def test_the_same_registry_in_capitals_is_signed(server: Tokens) -> None:
    address = f"http://LOCALHOST:{server.server_port}/v2/a/b/manifests/1"
    with Transport(Reference(f"localhost:{server.server_port}", "a/b", "1"), BuildError, "pull", (2.0, 2.0)) as reached:
        assert reached.send("GET", "manifests/1").status_code == 200
        assert reached.send("GET", address).status_code == 200
    assert [authorization.partition(" ")[0] for *_, authorization in server.seen][-1] == "Bearer"
    assert server.issued == 1


@pytest.mark.parametrize("page", [b"<html>log in</html>", b"[]"], ids=["page", "list"])
@pytest.mark.parametrize("password", ["right", ""])
def test_what_hands_out_no_tokens_is_named(page: bytes, password: str, server: Tokens, docker_config: Path) -> None:
    if password:
        login(docker_config, server, password)
    server.page = page
    with reach(server) as transport, pytest.raises(BuildError, match=f"'http://{server.host}/token', where") as caught:
        transport.repeated(lambda: transport.send("GET", "manifests/1"))
    assert "cut" not in caught.value.message


def test_a_pull_without_the_program_that_keeps_passwords_is_anonymous(server: Tokens, docker_config: Path) -> None:
    docker_config.write_text('{"credsStore": "absent"}')
    with reach(server, "pull") as transport:
        assert transport.expect(transport.send("GET", "manifests/1"), 200).status_code == 200


def test_that_program_is_named_when_the_registry_wants_a_password(server: Tokens, docker_config: Path) -> None:
    docker_config.write_text('{"credsStore": "absent"}')
    server.anonymous = False
    transport = Transport(Reference(server.host, "a/b", "1"), BaseImageMissingError, "pull", (2.0, 2.0))
    with transport, pytest.raises(BaseImageMissingError, match="docker-credential-absent") as caught:
        transport.expect(transport.send("GET", "manifests/1"), 200)
    assert caught.value.hint.startswith(f"docker login {server.host}")
