"""A running service is measured under closed and open loops, and what goes wrong is named."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from mlship.errors import GateError, ServiceError
from mlship.load.job import Result
from mlship.trials.plans import closed_loop, open_loop
from mlship.trials.service import Measured, bottleneck, measure, memory
from mlship.trials.target import Target, detect, prove
from mlship.trials.watch import Watch
from tests.integration.benchmark import scripted_service as scripts
from tests.integration.benchmark.scripted_service import Asked, Script, Scripted

Serve = Callable[[Script], Scripted]


def figures(measured: Measured) -> dict[str, float]:
    return {figure.metric: figure.value for figure in measured.measurements}


def test_a_closed_loop_gives_every_figure_with_an_interval(real: Target) -> None:
    measured = measure(real, closed_loop(8, seconds=2))
    assert measured.load.name == "c8"
    assert figures(measured).keys() >= {"p50", "p90", "p95", "p99", "max", "throughput", "errors", "cpu"}
    assert figures(measured)["errors"] == 0
    assert 0 < figures(measured)["p50"] <= figures(measured)["p99"] <= figures(measured)["max"]
    for figure in measured.measurements:
        assert figure.metric == "max" or figure.low <= figure.value <= figure.high, figure
    assert measured.curve is not None
    assert measured.curve.points[0][1] <= measured.curve.points[-1][1]


def test_requests_and_throughput_agree(real: Target) -> None:
    measured = measure(real, closed_loop(1, rows=10, seconds=0.5))
    assert measured.load.name == "c1x10"
    assert figures(measured)["throughput"] == pytest.approx(measured.load.requests / measured.load.seconds)


@pytest.mark.parametrize(("arrivals", "name"), [("constant", "200/s"), ("poisson", "200/s-poisson")])
def test_an_open_loop_keeps_its_rate(real: Target, arrivals: str, name: str) -> None:
    measured = measure(real, open_loop(200, arrivals=arrivals, seconds=1.5))  # type: ignore[arg-type]
    assert (measured.load.name, measured.load.rate) == (name, 200)
    assert measured.load.requests == pytest.approx(300, rel=0.25)


def test_a_service_over_open_inference_is_measured(real: Target) -> None:
    target = detect(f"{real.url}/v2", real.golden, real.signature, real.tolerance)
    measured = measure(target, closed_loop(2, rows=5, seconds=0.5))
    assert measured.load.requests > 10
    assert figures(measured)["cpu"] > 0


def test_latency_is_that_of_the_service(serve: Serve) -> None:
    measured = measure(serve(scripts.taking(0.05)).target, closed_loop(2, seconds=1))
    assert 0.05 <= figures(measured)["p50"] < 1


def test_an_answer_that_is_wrong_under_load_fails_the_run(serve: Serve) -> None:
    with pytest.raises(GateError, match=r"the service answers wrong under load: .* prediction is 7, was \d"):
        measure(serve(scripts.sometimes(scripts.wrong, 10)).target, closed_loop(2, seconds=0.5), tolerate=True)


def test_an_answer_without_an_output_fails_the_run(serve: Serve) -> None:
    with pytest.raises(GateError, match="it has none of prediction, probabilities"):
        measure(serve(scripts.empty_handed).target, closed_loop(1, seconds=0.3))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (scripts.failing, r"of [\d,]+ requests, [\d,]+ x status 503 \('\{\"detail\": \"the disk is full\"\}'\)"),
        (scripts.redirecting, r"x status 307 \('.*http://127.0.0.1:9/elsewhere/predict'\)"),
        (scripts.dropping, "x dropped"),
    ],
)
@pytest.mark.parametrize("loop", ["closed", "open"])
def test_failures_are_counted_and_quoted(serve: Serve, script: Script, said: str, loop: str) -> None:
    plan = closed_loop(2, seconds=0.5) if loop == "closed" else open_loop(50, seconds=0.5, connections=8)
    with pytest.raises(ServiceError, match=said):
        measure(serve(scripts.sometimes(script, 5)).target, plan)


def test_a_service_that_hangs_is_given_up(serve: Serve) -> None:
    plan = replace(closed_loop(1, seconds=0.5), timeout_seconds=0.3, warm_up_seconds=0)
    with pytest.raises(ServiceError, match="x timeout"):
        measure(serve(scripts.taking(5)).target, plan)


def test_a_service_that_has_ended_is_named(serve: Serve) -> None:
    server = serve(scripts.right)
    target = server.target
    server.shutdown()
    server.server_close()
    with pytest.raises(ServiceError, match="refused"):
        measure(target, replace(closed_loop(1, seconds=0.5), timeout_seconds=0.5))


def test_failures_are_a_figure_where_they_are_tolerated(serve: Serve) -> None:
    measured = measure(serve(scripts.sometimes(scripts.failing, 4)).target, closed_loop(2, seconds=1), tolerate=True)
    assert figures(measured)["errors"] == pytest.approx(0.25, abs=0.1)
    assert measured.load.failures.keys() == {"status 503"}


def test_a_service_that_only_fails_is_a_figure_too(serve: Serve) -> None:
    measured = measure(serve(scripts.failing).target, closed_loop(1, seconds=0.3), tolerate=True)
    assert figures(measured)["errors"] == 1
    assert "p50" not in figures(measured)
    assert measured.curve is None


def test_what_was_measured_until_it_was_stopped_is_returned(real: Target) -> None:
    stop = threading.Event()
    timer = threading.Timer(2.0, stop.set)
    timer.start()
    measured = measure(real, closed_loop(1, seconds=60), stop=stop)
    timer.join()
    assert measured.load.seconds < 30


def test_memory_is_watched(real: Target) -> None:
    with Watch(real.pid) as watch:
        measure(real, closed_loop(1, seconds=0.3))
    found = {figure.metric: figure.value for figure in memory("service", watch.peak)}
    assert found["rss"] >= found["pss"] > 1_000_000


def test_without_a_process_there_is_no_memory_to_watch() -> None:
    with Watch(None) as watch:
        pass
    assert memory("service", watch.peak) == []


def test_an_open_loop_does_not_wait_for_connections(serve: Serve) -> None:
    plan = replace(open_loop(150, seconds=2, connections=8), warm_up_seconds=0.5)
    measured = measure(serve(scripts.taking(0.2)).target, plan)
    assert measured.load.connections >= 20
    assert figures(measured)["p50"] < 0.5  # with 8, each would wait for seconds
    assert "waited" not in measured.load.bottleneck


def test_who_waited_for_a_connection_is_told() -> None:
    result = Result((), 1.0, 1000, [], waited=300, connections=1000)
    assert bottleneck(result).startswith("300 requests waited while all 1,000 connections were busy")


def test_a_long_run_ends_with_its_first_failure(serve: Serve) -> None:
    started = time.monotonic()
    with pytest.raises(ServiceError, match=r", \d\d? x status 503"):
        measure(serve(scripts.sometimes(scripts.failing, 50)).target, closed_loop(2, seconds=300))
    assert time.monotonic() - started < 60


def refusing(status: int) -> Script:
    return lambda asked: asked.send({"detail": "no"}, status)


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "--header 'X-API-Key"), (403, "--header"), (429, "limits the rate")]
)
def test_a_service_that_does_not_let_us_ask_is_told_from_one_that_fails(serve: Serve, status: int, hint: str) -> None:
    with pytest.raises(ServiceError) as caught:
        measure(serve(refusing(status)).target, closed_loop(1, seconds=0.5))
    assert hint in (caught.value.hint or "")


def with_key(asked: Asked) -> None:
    scripts.right(asked) if asked.headers.get("X-API-Key") == "abc" else asked.send({"detail": "who are you?"}, 401)


def test_headers_are_sent_to_find_out_to_prove_and_under_load(serve: Serve) -> None:
    target = detect(
        serve(with_key).url, scripts.GOLDEN, scripts.SIGNATURE, scripts.DOUBLE, headers={"X-API-Key": "abc"}
    )
    assert prove(target).passed
    assert measure(target, closed_loop(1, seconds=0.3)).load.requests > 0
