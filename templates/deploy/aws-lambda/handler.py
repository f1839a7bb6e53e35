"""The service as a Lambda function: answers events of function URLs and of API Gateway's HTTP APIs.

It uses the service without its web framework, which would take time to start: routes of your own in app.py are not
answered here. Source: Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", payload
format version 2.0, which function URLs share.
"""

import base64
import gc
import os
from typing import Any
from urllib.parse import unquote

from core.http import Head, Reply
from core.service import Service
from core.settings import from_environment

#: Types that are text, with all that begins with text/; the others are answered in base64.
_TEXT = ("application/json", "application/problem+json")

# Made while Lambda starts the function, so that no request waits for it.
service = Service(from_environment(os.environ))
# What is there now lives as long as the process: collecting garbage need not look at it again and again.
gc.collect()
gc.freeze()


def handle(event: dict[str, Any], _: object = None) -> dict[str, Any]:
    """Answer one event; raises ValueError for one that is no HTTP request."""
    head, body = request(event)
    exchange = service.begin(head)
    try:
        reply = exchange.refused or exchange.answer(body)
    except BaseException:  # an error of the code: Lambda logs it, and answers with 502
        service.end(exchange, Reply(500))
        raise
    headers = service.end(exchange, reply)
    content = b"" if head.method == "HEAD" else reply.content
    text = reply.media_type.startswith(("text/", *_TEXT))
    return {
        "statusCode": reply.status,
        "headers": headers,
        "body": content.decode() if text else base64.b64encode(content).decode(),
        "isBase64Encoded": not text,
    }


def request(event: dict[str, Any]) -> tuple[Head, bytes]:
    """Return the head and the body of the request in an event; raises ValueError where there is none."""
    asked = event.get("requestContext", {}).get("http")
    if event.get("version") != "2.0" or not asked:
        raise ValueError("this is no HTTP request in payload format 2.0, of a function URL or an HTTP API")
    given = event.get("body") or ""
    body = base64.b64decode(given) if event.get("isBase64Encoded") else given.encode()
    headers = {name.lower().encode("latin-1"): value.encode() for name, value in event.get("headers", {}).items()}
    headers[b"content-length"] = str(len(body)).encode()
    query, client = event.get("rawQueryString", ""), asked.get("sourceIp", "")
    return Head(asked["method"], unquote(event["rawPath"]), query, headers, client), body
