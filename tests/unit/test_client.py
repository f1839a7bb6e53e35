import pytest

from mlship.client import headers_of, split
from mlship.errors import ServiceError, UsageError


def test_headers_are_read_from_lines() -> None:
    given = headers_of(["X-API-Key: abc", "Authorization:Bearer a:b c"])
    assert given == {"X-API-Key": "abc", "Authorization": "Bearer a:b c"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["secret"], "not of the form 'Name: value'"),
        ([": secret"], "not of the form 'Name: value'"),
        (["X Key: secret"], "not of the form 'Name: value'"),
        (["X-Key:"], "the value of --header 'X-Key' is empty"),
        (["X-Key: secret\r\nX: y"], "has characters that no header may have"),
        (["X-Key: secr\u00e9t"], "has characters that no header may have"),
        (["content-length: 5"], "each request says that itself"),
        (["X-Key: secret", "x-key: other"], "given twice"),
    ],
)
def test_what_is_no_header_is_refused_without_its_value(lines: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        headers_of(lines)
    assert "secr" not in caught.value.message


@pytest.mark.parametrize("url", ["http://me:secret@models", "me:secret@models:8000/predict", "https://me@models"])
def test_an_address_with_a_password_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ServiceError, match="the address of 'models' holds a user or a password") as caught:
        split(url)
    assert "secret" not in caught.value.message
    assert "--header 'Authorization" in (caught.value.hint or "")
