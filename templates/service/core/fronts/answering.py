"""A request that has arrived whole, on its way to its reply within the event loop: alone, or together with others."""

import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from core.exchange import Exchange
from core.http import Head, Reply, Route
from core.predictor import Answer
from core.problems import InvalidRequestError
from core.protocols import predict
from core.service import Service

_logger = logging.getLogger(__name__)

Send = Callable[[Exchange, Reply], None]


def joins(route: Route, head: Head) -> bool:
    """Say whether a request may be answered together with others."""
    return route.work is not None or (route.path == predict.PATH and predict.plain(head))


def ask(service: Service, exchange: Exchange, body: bytes, send: Send, *, together: bool) -> None:
    """Have ``send`` called once, within this call or at the end of this turn of the loop.

    ``together`` is what ``joins`` says. For an error of the code, which is logged, the reply is 500.
    """
    try:
        if exchange.refused or not together:
            send(exchange, exchange.answer(body))
        elif exchange.route and exchange.route.work:
            service.batcher.submit_work(exchange.work(body), len(body), partial(_send, exchange, send))
        else:
            outputs = predict.chosen(service, exchange.head)
            service.batcher.submit(body, outputs, partial(_send, exchange, send))
    except InvalidRequestError as error:
        send(exchange, exchange.problem(error))
    except Exception:
        _logger.exception("the service failed to answer")
        if exchange.held:  # nobody has sent a reply yet
            send(exchange, exchange.refusal(HTTPStatus.INTERNAL_SERVER_ERROR))


def _send(exchange: Exchange, send: Send, answer: Answer | Reply | InvalidRequestError) -> None:
    if isinstance(answer, InvalidRequestError):
        send(exchange, exchange.problem(answer))
    elif isinstance(answer, Reply):
        send(exchange, answer)
    else:
        send(exchange, Reply(200, answer.content, rows=answer.rows))
