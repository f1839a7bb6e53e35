"""A request that has arrived whole, on its way to its reply within the event loop: alone, or together with others."""

import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from core.exchange import Exchange
from core.http import Reply
from core.predictor import Answer
from core.problems import InvalidRequestError
from core.protocols import predict
from core.service import Service

_logger = logging.getLogger(__name__)

Send = Callable[[Exchange, Reply], None]


def ask(service: Service, exchange: Exchange, body: bytes, send: Send, *, together: bool) -> None:
    """Have ``send`` called once, within this call or at the end of this turn of the loop.

    ``together`` says that it is a POST /predict that may be answered with others. For an error of the code, which is
    logged, the reply is 500.
    """
    try:
        if together and not exchange.refused:
            outputs = predict.chosen(service, exchange.head)
            service.batcher.submit(body, outputs, partial(_send, exchange, send))
        else:
            send(exchange, exchange.answer(body))
    except InvalidRequestError as error:
        send(exchange, exchange.problem(error))
    except Exception:
        _logger.exception("the service failed to answer")
        if exchange.held:  # nobody has sent a reply yet
            send(exchange, exchange.refusal(HTTPStatus.INTERNAL_SERVER_ERROR))


def _send(exchange: Exchange, send: Send, answer: Answer | InvalidRequestError) -> None:
    if isinstance(answer, InvalidRequestError):
        send(exchange, exchange.problem(answer))
    else:
        send(exchange, Reply(200, answer.content, rows=answer.rows))
