"""Pieces of XML text: elements with escaped content, numbers with all their digits."""

import math
import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from mlship.errors import UnsupportedModelError

_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(tag: str, content: str = "", **attributes: Any) -> str:
    """Return an element; ``content`` is XML already, attributes are escaped. A trailing underscore of a name is cut."""
    start = start_tag(tag, **attributes)
    return f"{start}{content}</{tag}>" if content else f"{start[:-1]}/>"


def start_tag(tag: str, **attributes: Any) -> str:
    """Return an opening tag; attributes that are None are left out."""
    written = "".join(
        f" {name.rstrip('_')}={quoteattr(checked(value))}" for name, value in attributes.items() if value is not None
    )
    return f"<{tag}{written}>"


def text(value: Any) -> str:
    """Return ``value`` as escaped content."""
    return escape(checked(value))


def checked(value: Any) -> str:
    """Return ``value`` as XML writes it; raises UnsupportedModelError for characters that XML cannot hold."""
    if isinstance(value, str):
        if _UNWRITABLE.search(value):
            message = f"{value!r} has a character that XML, and so PMML, cannot hold"
            raise UnsupportedModelError(message, "clean the column or its categories and train the model again")
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return digits(float(value)) if isinstance(value, float) else str(value)


def digits(value: float) -> str:
    """Return the shortest decimal that is read back as ``value``."""
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    return repr(float(value))
