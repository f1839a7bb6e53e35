"""A request that has arrived whole, on its way to its reply within the event loop: alone, or together with others."""

import logging
from http import HTTPStatus
from typing import Literal

from core.batching import Send, Together
from core.exchange import Exchange
from core.http import Head, Route
from core.problems import InvalidRequestError
from core.protocols import predict
from core.service import Service

_logger = logging.getLogger(__name__)


#: How a request is answered: together with others, or alone.
Way = Together | Literal["alone"]


def way(service: Service, route: Route, head: Head) -> Way:
    """Return how a request is answered; raises InvalidRequestError for outputs that are not there."""
    if route.path == predict.PATH and predict.plain(head):
        return predict.chosen(service, head)
    return "work" if route.work else "alone"


def ask(service: Service, exchange: Exchange, body: bytes, send: Send, by: Way) -> None:
    """Have ``send`` called once, within this call or at the end of this turn of the loop.

    For an error of the code, which is logged, the reply is 500.
    """
    try:
        if exchange.refused:
            send(exchange, exchange.refused)
        elif isinstance(by, tuple):  # first, as most are
            service.batcher.submit(exchange, body, len(body), by, send)
        elif by == "work":
            service.batcher.submit(exchange, exchange.work(body), len(body), by, send)
        else:
            send(exchange, exchange.answer(body))
    except InvalidRequestError as error:
        send(exchange, exchange.problem(error))
    except Exception:
        _logger.exception("the service failed to answer")
        if not exchange.noted:  # nobody has sent a reply yet
            send(exchange, exchange.refusal(HTTPStatus.INTERNAL_SERVER_ERROR))
