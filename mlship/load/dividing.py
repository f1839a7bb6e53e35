"""Divide a job among processes."""

from dataclasses import replace

from mlship.load.job import Job
from mlship.load.wire import Share

_SECOND = 1e9


def divide(job: Job) -> list[Share]:
    """Return the shares of a job's processes, of which there are no more than connections.

    Constant arrivals of one process lie between those of the others; Poisson processes add up to one (superposition).
    """
    count = max(min(job.processes, job.connections), 1)
    return [_share(job, index, count) for index in range(count)]


def _share(job: Job, index: int, count: int) -> Share:
    own = replace(
        job,
        connections=_part(job.connections, index, count),
        most_connections=_part(job.most_connections, index, count),
        requests=_part(job.requests, index, count),
        rate=job.rate and job.rate / count,
        processes=count,
        seed=job.seed * count + index,
    )
    return Share(own, index * len(job.bodies) // count, int(index * _SECOND / job.rate) if job.rate else 0)


def _part(whole: int, index: int, count: int) -> int:
    return (index + 1) * whole // count - index * whole // count
