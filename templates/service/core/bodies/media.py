"""Bodies of POST /predict that are not JSON: .npy, CSV and Arrow, for batches that are too big to be written as text.

What is in them is held to the same rules as JSON, and refused in the same words.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.bodies import csv as csv_body
from core.bodies import npy
from core.bodies.answers import ARROW, ARROW_AVAILABLE, CSV, NPY, Writer, media_type
from core.bodies.decode import Rows
from core.http import Call, Head, Reply
from core.predictor import Work
from core.problems import InvalidRequestError, invalid

if TYPE_CHECKING:
    from core.service import Service

ARROW_FILE = "application/vnd.apache.arrow.file"
CSV_ANSWER = f"{CSV}; charset=utf-8; header=present"


class Bodies:
    """Answers for one model; ``types`` are the media types of the bodies that it takes besides JSON.

    A model that takes text takes no .npy.
    """

    def __init__(self, service: "Service") -> None:
        self._predictor = service.predictor
        self._writer = Writer(service.predictor.encoder, service.model.signature.outputs)
        self._columns = service.model.signature.columns
        self._settings = service.settings
        self._readers: dict[str, Callable[[Head, bytes], Rows]] = {
            CSV: self._csv,
            ARROW: self._arrow,
            ARROW_FILE: self._arrow,
        }
        if all(column.type != "string" for column in self._columns):
            self._readers[NPY] = self._npy
        self.types = tuple(self._readers)

    def answer(self, call: Call, outputs: tuple[str, ...]) -> Reply:
        """Answer a request for ``outputs``; raises InvalidRequestError."""
        kind = media_type(call.head.headers)
        if kind == NPY:
            self._writer.one(outputs)
        rows = self.read(call.head, call.body)
        [answer] = self._predictor.run([Work(rows, outputs, lambda arrays: self._writer.write(arrays, kind))])
        if isinstance(answer, InvalidRequestError):
            raise answer
        return Reply(200, answer, CSV_ANSWER if kind == CSV else kind, rows=rows.count)

    def read(self, head: Head, body: bytes) -> Rows:
        """Return the rows in ``body``; raises InvalidRequestError for anything but right rows."""
        return self._readers.get(head.media_type, self._json)(head, body)

    def _json(self, _: Head, body: bytes) -> Rows:
        return self._predictor.decoder.decode(body)

    def _npy(self, _: Head, body: bytes) -> Rows:
        values = npy.columns(body, self._columns, self._settings.max_rows)
        return self._predictor.decoder.from_columns(npy.FORM, values)

    def _csv(self, head: Head, body: bytes) -> Rows:
        values = csv_body.columns(body, self._columns, self._settings.max_rows, csv_header(head))
        return self._predictor.decoder.from_columns(csv_body.FORM, values)

    def _arrow(self, _: Head, body: bytes) -> Rows:
        if not ARROW_AVAILABLE:
            told = "Arrow is read where the package pyarrow is installed, and here it is not"
            raise invalid(("header", "content-type"), told, "media_type", status=415)
        from core.bodies import arrow  # noqa: PLC0415  # see ARROW_AVAILABLE

        # Text is limited to what could have been sent as it is.
        values = arrow.columns(body, self._columns, self._settings.max_rows, self._settings.max_body_bytes)
        return self._predictor.decoder.from_columns(arrow.FORM, values)


def csv_header(head: Head, default: str = "") -> str:
    """Return what the parameter ``header`` (RFC 4180, section 3) of the Content-Type says, else ``default``.

    Raises InvalidRequestError (415) for another encoding than UTF-8, and for another word than present and absent.
    """
    parts = head.header(b"content-type").lower().split(";")[1:]
    given = {name.strip(): value.strip(' "\t') for name, _, value in (part.partition("=") for part in parts)}
    if given.get("charset", "utf-8") not in {"utf-8", "utf8", "us-ascii"}:
        raise invalid(("header", "content-type"), "the charset of the body is utf-8", "media_type", status=415)
    header = given.get("header", default)
    if header not in {"present", "absent", ""}:
        raise invalid(("header", "content-type"), "header is present or absent", "media_type", status=415)
    return header
