"""What predictions cost on a machine of a given price."""

from mlship.reports.model import Measurement

_HOUR, _MILLION = 3600.0, 1_000_000


def cost(price: float, throughput: Measurement, *, rows: int = 1) -> Measurement:
    """Return what a million predictions cost at ``price`` an hour, with the machine kept as busy as it was measured.

    ``throughput`` is in answers a second of ``rows`` predictions each; what is measured in process counts rows already.
    Raises ValueError where nothing was answered.
    """
    if throughput.value <= 0:
        raise ValueError("no answer, no cost")

    def at(rate: float | None) -> float | None:
        return None if not rate else price / _HOUR * _MILLION / (rate * rows)

    return Measurement(
        metric="cost",
        of=throughput.of,
        load=throughput.load,
        value=price / _HOUR * _MILLION / (throughput.value * rows),
        low=at(throughput.high),
        high=at(throughput.low),
        rounds=tuple(each for rate in throughput.rounds if (each := at(rate)) is not None),
    )
