"""The server whose delays are known."""

import socket
import sys

import pytest

from benchmarks.validation.scripted import Script, serving


def test_fixed_delays_are_all_percentiles() -> None:
    assert Script("", 0.005).truth(500, 2, [1, 50, 99.9]) == [0.005, 0.005, 0.005]


def test_a_share_of_slow_requests_is_seen_beyond_its_percentile() -> None:
    assert Script("", 0.002, slow=0.04, share=0.05).truth(500, 20, [50, 90, 99]) == [0.002, 0.002, 0.04]


def test_a_stall_is_charged_for_all_who_come_meanwhile() -> None:
    stall = Script("", 0.002, stall=2.0, stall_at=9.0)
    assert stall.truth(500, 20, [50, 95, 99, 100]) == pytest.approx([0.002, 1.0, 1.8, 2.0], abs=0.005)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs epoll and affinity")
def test_the_server_answers_after_its_delay_and_tells_it() -> None:
    with serving(Script("", 0.05)) as server:
        with socket.create_connection(("127.0.0.1", server.port), 10) as line:
            for _ in range(3):
                line.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
                assert line.recv(1000).endswith(b'{"prediction":[0]}')
        took = server.took()
    assert len(took) == 3
    assert all(0.05 <= each < 1.0 for each in took)
