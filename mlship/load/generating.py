"""One process's share of a job, from the connections to the result."""

import gc
import resource
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from mlship.load import arrivals
from mlship.load.address import locate, request
from mlship.load.closed import Closed
from mlship.load.engine import Engine
from mlship.load.job import Result
from mlship.load.open import Open
from mlship.load.tally import Counted, Tally
from mlship.load.wire import Share

_SECOND = 1_000_000_000
#: Open files that are no connections: those of the interpreter, and of whatever it loads.
_FILES = 64


def generate(
    share: Share, starts: Callable[[], int], stopped: Callable[[], bool], tell: Callable[[Counted], None]
) -> Result:
    """Do a share of a job; ``starts`` is called when all is ready and returns the moment (of ``clock``) to start at.

    Slices are told as they end, and are not in the result. Raises ServiceError for a URL that cannot be used.
    """
    job, patience = share.job, int(share.job.timeout_seconds * _SECOND)
    address = locate(job.url, job.timeout_seconds)
    requests = [request(address, job.path, job.headers, body) for body in job.bodies]
    most = min(job.most_connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _FILES)
    engine = Engine(address, requests, job.connections, patience, share.body, most)
    with _no_collection(), closing(engine):
        engine.connect()
        start = starts()
        tally = Tally(start + int(job.warm_up_seconds * _SECOND), job.seconds, job.slice_seconds, tell)
        end = tally.begin + int(job.seconds * _SECOND)
        pace = _open(share, engine, start, end) if job.rate else Closed(engine, end, job.requests)
        engine.run(pace, tally, lambda: stopped() or (job.until_failure and bool(tally.failures)))
    return Result(
        slices=(),
        seconds=engine.seconds,
        sent=engine.sent,
        answers=engine.answers.contents(),
        unchecked=engine.answers.unchecked,
        reconnected=engine.reconnected,
        late=pace.late if isinstance(pace, Open) else 0,
        waited=pace.waited if isinstance(pace, Open) else 0,
        connections=engine.connections,
        busy_share=engine.busy_share,
        processes=job.processes,
        failures=tally.failures,
        failed=tally.failed,
    )


def _open(share: Share, engine: Engine, start: int, end: int) -> Open:
    job = share.job
    assert job.rate
    moments = (
        arrivals.poisson(job.rate, job.seed) if job.arrivals == "poisson" else arrivals.constant(job.rate, share.first)
    )
    return Open(engine, moments, start, end, job.requests)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector out: a collection would look like a slow answer, and nothing here makes cycles."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
