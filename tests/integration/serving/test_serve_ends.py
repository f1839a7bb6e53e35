"""How ``python serve.py`` ends: which requests are answered still, and how long it takes."""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Callable

from tests.integration.serving.processes import ANSWER, ANY, BODY, BOTH, ENDING, HEAD, Server, until

Serve = Callable[..., Server]


@BOTH
def test_while_it_drains_it_is_not_ready_and_answers_all(serve: Serve, framework: str) -> None:
    server = serve(framework, DRAIN_SECONDS="1")
    server.process.send_signal(signal.SIGTERM)
    until(lambda: server.ask("GET", "/readyz") == (503, '{"status":"draining"}'), seconds=0.8)
    assert server.ask("GET", "/livez")[0] == 200
    status, answer = server.ask()
    assert (status, json.loads(answer)) == (200, ANSWER)
    assert server.process.wait(ENDING) == 0


@ANY
def test_every_request_under_load_is_answered(serve: Serve, framework: str, workers: str) -> None:
    server = serve(framework, DRAIN_SECONDS="1", WORKERS=workers)
    answered, reconnected, lost, leave = [0] * 4, [0] * 4, [], threading.Event()

    def load(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            while not (leave.is_set() and connection.sock is None):
                reconnected[number] += connection.sock is None  # the answers while it drains close their connection
                connection.request("POST", "/predict", BODY)
                assert json.loads(connection.getresponse().read()) == ANSWER
                answered[number] += 1
        except (AssertionError, OSError, http.client.HTTPException) as error:
            lost.append(repr(error))

    clients = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for client in clients:
        client.start()
    until(lambda: min(answered) > 20)
    assert max(reconnected) == 1
    server.process.send_signal(signal.SIGTERM)
    until(lambda: min(reconnected) > 5)
    leave.set()  # as a load balancer does, some time after it saw that the service is not ready
    assert server.process.wait(ENDING) == 0
    for client in clients:
        client.join(ENDING)
    assert lost == []


def test_clients_that_stay_connected_lose_no_request_even_without_draining(serve: Serve) -> None:
    server = serve()
    answered, lost = [0] * 4, []

    def load(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            while connection.sock or not answered[number]:
                connection.request("POST", "/predict", BODY)
                assert json.loads(connection.getresponse().read()) == ANSWER
                answered[number] += 1
        except (AssertionError, OSError, http.client.HTTPException) as error:
            lost.append(repr(error))

    clients = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for client in clients:
        client.start()
    until(lambda: min(answered) > 20)
    assert server.end() == 0
    for client in clients:
        client.join(ENDING)
    assert lost == []


@BOTH
def test_a_request_that_has_begun_is_answered_after_the_close(serve: Serve, framework: str) -> None:
    server = serve(framework)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(HEAD + BODY[:10])
        time.sleep(0.2)  # so that it has arrived
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not _listens(server.port))
        client.sendall(BODY[10:])
        with client.makefile("rb") as answer:
            assert b" 200 " in answer.readline()
            assert answer.read().endswith(b'{"prediction":[0]}')
    assert server.process.wait(ENDING) == 0


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except OSError:
        return False
    return True


@BOTH
def test_a_request_that_never_ends_is_given_up(serve: Serve, framework: str) -> None:
    server = serve(framework, GRACE_SECONDS="1")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(HEAD + BODY[:10])
        time.sleep(0.2)
        started = time.monotonic()
        assert server.end() == 0
    assert 0.8 < time.monotonic() - started < 5


@ANY
def test_ctrl_c_does_not_drain(serve: Serve, framework: str, workers: str) -> None:
    server = serve(framework, DRAIN_SECONDS="60", WORKERS=workers)
    started = time.monotonic()
    assert server.end(signal.SIGINT) == 0
    assert time.monotonic() - started < 5


@ANY
def test_a_second_signal_ends_it_at_once(serve: Serve, framework: str, workers: str) -> None:
    server = serve(framework, DRAIN_SECONDS="60", WORKERS=workers)
    workers_before = server.workers()
    server.process.send_signal(signal.SIGTERM)
    until(lambda: server.ask("GET", "/readyz")[0] == 503)
    started = time.monotonic()
    assert server.end() == 128 + signal.SIGTERM
    assert time.monotonic() - started < 2
    until(lambda: not any(worker.is_running() for worker in workers_before))


def test_a_signal_that_comes_together_with_the_word_of_a_worker_is_not_lost(serve: Serve) -> None:
    for _ in range(8):  # as one of five is, where a sleeping thread has to be woken
        server = serve("flask", DRAIN_SECONDS="60", WORKERS="2")
        time.sleep(0.4)  # until the second worker is there, too, and the process sleeps
        server.process.send_signal(signal.SIGUSR1)
        server.process.send_signal(signal.SIGTERM)
        until(lambda server=server: server.ask("GET", "/readyz")[0] == 503, seconds=5)
        assert server.end() == 128 + signal.SIGTERM


@BOTH
def test_it_is_ended_before_it_is_ready(serve: Serve, framework: str) -> None:
    server = serve(framework, ready=False)
    until(lambda: "serving at" in server.log.read_text())
    server.process.terminate()
    assert server.process.wait(ENDING) in {0, 128 + signal.SIGTERM}
    assert "Traceback" not in server.log.read_text()
