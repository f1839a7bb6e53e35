"""Who may ask, how often and how many at a time: keys, rates, places, and pages of other origins."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

Code = Callable[[str], Any]


class Clock:
    """Tells the time that it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def guard(service_code: Code) -> Callable[..., Any]:
    """Return a function that makes a guard of settings."""
    settings = service_code("core.settings").Settings
    return lambda **given: service_code("core.access.guard").Guard(settings(**given))


@pytest.fixture
def head(service_code: Code) -> Callable[..., Any]:
    """Return a function that makes the head of a request with headers and the address of its client."""

    def make(method: str = "POST", client: str = "192.0.2.1", **headers: str) -> Any:
        sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        return service_code("core.http").Head(method, "/predict", "", sent, client)

    return make


def refused(service_code: Code, call: Callable[[], object]) -> Any:
    with pytest.raises(service_code("core.problems").InvalidRequestError) as caught:
        call()
    return caught.value


KEYS = ("first-key", "second key", "schlüssel")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-key"},
        {"authorization": "bearer   first-key "},
        {"authorization": "Bearer second key"},
        {"x_api_key": "schlüssel"},
        {"x_api_key": "first-key", "authorization": "Basic b2theQ=="},
    ],
)
def test_a_request_with_a_right_key_is_admitted(guard: Any, head: Any, headers: dict[str, str]) -> None:
    guard(api_keys=KEYS).admit(head(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_api_key": ""},
        {"x_api_key": "first-ke"},
        {"x_api_key": "first-key-"},
        {"x_api_key": "FIRST-KEY"},
        {"authorization": "first-key"},
        {"authorization": "Basic first-key"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer first-key,second key"},
    ],
)
def test_a_request_without_a_right_key_is_told_how_to_send_one(
    service_code: Code, guard: Any, head: Any, headers: dict[str, str]
) -> None:
    error = refused(service_code, lambda: guard(api_keys=KEYS).admit(head(**headers)))
    assert error.status == 401
    assert error.headers == {"www-authenticate": "Bearer"}
    assert "first" not in error.detail().lower()


def test_keys_are_not_shown_with_the_settings(service_code: Code) -> None:
    assert "first-key" not in repr(service_code("core.settings").Settings(api_keys=KEYS))


def test_without_keys_and_rates_everybody_is_admitted(guard: Any, head: Any) -> None:
    open_guard = guard()
    for _ in range(1000):
        open_guard.admit(head())


def test_a_second_of_requests_may_come_at_once_and_then_one_after_the_other(service_code: Code) -> None:
    clock = Clock()
    rates = service_code("core.access.rates").Rates(4.0, clock=clock)
    assert [rates.take("a") for _ in range(4)] == [0.0] * 4
    assert rates.take("a") == pytest.approx(0.25)
    clock.now += 0.26
    assert rates.take("a") == 0.0
    assert rates.take("a") == pytest.approx(0.24)
    clock.now += 100
    assert [rates.take("a") > 0 for _ in range(6)] == [False] * 4 + [True] * 2


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0, 3.5, 50.0])
def test_in_the_long_run_the_rate_holds(service_code: Code, rate: float) -> None:
    clock = Clock()
    rates = service_code("core.access.rates").Rates(rate, clock=clock)
    taken = 0
    for _ in range(20_000):
        taken += rates.take("a") == 0.0
        clock.now += 0.01
    assert taken == pytest.approx(200 * rate + max(1.0, rate), abs=1)


def test_a_refused_request_does_not_put_off_the_next(service_code: Code) -> None:
    clock = Clock()
    rates = service_code("core.access.rates").Rates(1.0, clock=clock)
    rates.take("a")
    for _ in range(100):
        assert rates.take("a") > 0
    clock.now += 1.0
    assert rates.take("a") == 0.0


def test_senders_beyond_the_table_push_out_the_one_that_was_silent_for_longest(service_code: Code) -> None:
    clock = Clock()
    rates = service_code("core.access.rates").Rates(1.0, most=3, clock=clock)
    for sender in ("a", "b", "c", "d"):
        assert rates.take(sender) == 0.0
    assert rates.take("b") > 0
    assert rates.take("d") > 0
    assert rates.take("a") == 0.0


def test_too_many_requests_a_second_are_told_when_to_come_back(service_code: Code, guard: Any, head: Any) -> None:
    limited = guard(rate_limit=0.3)
    limited.admit(head())
    error = refused(service_code, lambda: limited.admit(head()))
    assert error.status == 429
    assert error.headers == {"retry-after": "4"}


def test_each_key_has_a_rate_of_its_own_wherever_it_comes_from(service_code: Code, guard: Any, head: Any) -> None:
    limited = guard(rate_limit=1.0, api_keys=KEYS)
    limited.admit(head(x_api_key=KEYS[0], client="192.0.2.1"))
    limited.admit(head(x_api_key=KEYS[1], client="192.0.2.1"))
    assert refused(service_code, lambda: limited.admit(head(x_api_key=KEYS[0], client="192.0.2.7"))).status == 429


def test_wrong_keys_count_for_the_address_and_not_for_those_who_have_one(
    service_code: Code, guard: Any, head: Any
) -> None:
    limited = guard(rate_limit=2.0, api_keys=KEYS)
    statuses = [refused(service_code, lambda: limited.admit(head(x_api_key="guess"))).status for _ in range(4)]
    assert statuses == [401, 401, 429, 429]
    limited.admit(head(x_api_key=KEYS[0]))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("unix:", "192.0.2.1", False),
    ],
)
def test_an_ipv6_network_counts_as_one_sender(service_code: Code, one: str, other: str, same: bool) -> None:
    network = service_code("core.access.rates").network
    assert (network(one) == network(other)) is same


def test_places_are_given_out_and_taken_back(service_code: Code, guard: Any, head: Any) -> None:
    places = guard(max_concurrency=2)
    places.enter(head())
    places.enter(head())
    error = refused(service_code, lambda: places.enter(head()))
    assert error.status == 429
    assert error.headers == {"retry-after": "1"}
    places.leave(1)
    places.enter(head())
    assert places.held == 2


def test_as_many_places_as_anybody_may_write_take_no_memory(guard: Any, head: Any) -> None:
    places = guard(max_concurrency=10**18)
    places.enter(head())
    assert places.held == 1


def test_threads_take_no_more_places_than_there_are(service_code: Code, guard: Any, head: Any) -> None:
    places = guard(max_concurrency=3)
    error = service_code("core.problems").InvalidRequestError
    seen: list[int] = []

    def work() -> None:
        for _ in range(3000):
            try:
                places.enter(head())
            except error:
                continue
            seen.append(places.held)
            places.leave(1)

    threads = [Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen
    assert max(seen) <= 3
    assert places.held == 0


@pytest.mark.parametrize("path", ["/predict", "/nothing", "/info"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "STRANGE"])
def test_a_place_is_given_back_whatever_the_answer_is(
    service_code: Code, scaffolded: Any, method: str, path: str
) -> None:
    http = service_code("core.http")
    settings = service_code("core.settings").Settings(model_dir=scaffolded("numeric") / "model", max_concurrency=1)
    service = service_code("core.service").Service(settings)
    for _ in range(3):
        exchange = service.begin(http.Head(method, path, "", {b"content-length": b"2"}))
        reply = exchange.answer(b"{}")
        assert reply.status != 429
        service.end(exchange, reply)
        service.end(exchange, reply)
    assert service.guard.held == 0


PAGE = "https://page.example"


def test_without_origins_nothing_is_said_about_them(guard: Any, head: Any) -> None:
    assert guard().cors(head(origin=PAGE)) == {}
    assert guard().preflight(head("OPTIONS", origin=PAGE, access_control_request_method="POST"), ["POST"]) is None


@pytest.mark.parametrize("origins", [(PAGE,), ("https://a.example", "HTTPS://Page.Example/")])
def test_a_listed_origin_may_read_answers(guard: Any, head: Any, origins: tuple[str, ...]) -> None:
    told = guard(cors_origins=origins).cors(head(origin=PAGE))
    assert told["access-control-allow-origin"] == PAGE
    assert told["vary"] == "Origin"
    assert "access-control-allow-credentials" not in told


@pytest.mark.parametrize("origin", ["https://page.example.evil", "http://page.example", "null", "https://page", ""])
def test_another_origin_may_not(guard: Any, head: Any, origin: str) -> None:
    assert guard(cors_origins=(PAGE,)).cors(head(origin=origin)) == {"vary": "Origin"}


def test_all_origins_may_where_all_are_listed(guard: Any, head: Any) -> None:
    told = guard(cors_origins=("*",)).cors(head(origin=PAGE))
    assert told["access-control-allow-origin"] == "*"
    assert "vary" not in told


def test_a_preflight_request_is_told_methods_and_headers(guard: Any, head: Any) -> None:
    asking = head("OPTIONS", origin=PAGE, access_control_request_method="POST")
    reply = guard(cors_origins=(PAGE,), api_keys=KEYS).preflight(asking, ["POST"])
    assert reply.status == 204
    assert reply.content == b""
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert {"content-type", "authorization", "x-api-key"} <= set(
        reply.headers["access-control-allow-headers"].split(", ")
    )
    assert int(reply.headers["access-control-max-age"]) > 0


def test_a_plain_options_request_and_an_unknown_path_are_no_preflight(guard: Any, head: Any) -> None:
    lenient = guard(cors_origins=(PAGE,))
    assert lenient.preflight(head("OPTIONS", origin=PAGE), ["POST"]) is None
    assert lenient.preflight(head("POST", origin=PAGE, access_control_request_method="POST"), ["POST"]) is None
    assert lenient.preflight(head("OPTIONS", origin=PAGE, access_control_request_method="POST"), []) is None


def test_methods_that_only_a_framework_knows_are_left_to_it(guard: Any, head: Any) -> None:
    asking = head("OPTIONS", origin=PAGE, access_control_request_method="DELETE")
    reply = guard(cors_origins=(PAGE,)).preflight(asking)
    assert "DELETE" in reply.headers["access-control-allow-methods"]


def test_keys_come_from_the_environment_and_from_a_file(service_code: Code, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# of the shop\nthird\n\n  fourth \n", encoding="utf-8")
    read = service_code("core.settings").from_environment
    assert read({"API_KEYS": "first, second,", "API_KEYS_FILE": str(file)}).api_keys == (
        "first",
        "second",
        "third",
        "fourth",
    )


def test_a_file_without_a_key_does_not_open_the_service_to_all(service_code: Code, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# none yet\n", encoding="utf-8")
    read = service_code("core.settings").from_environment
    with pytest.raises(ValueError, match="holds no key"):
        read({"API_KEYS_FILE": str(file)})
    with pytest.raises(FileNotFoundError):
        read({"API_KEYS_FILE": str(tmp_path / "missing")})
