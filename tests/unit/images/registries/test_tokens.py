import pytest
import requests

from mlship.errors import BuildError
from mlship.images.registries import tokens
from mlship.images.registries.credentials import Credentials
from mlship.images.registries.references import Reference

ANN = Credentials("ann", "secret")


@pytest.mark.parametrize("realm", ["http://tokens.invalid/", "tokens.invalid/", "ftp://tokens.invalid/"])
def test_a_password_does_not_go_without_tls(realm: str) -> None:
    reference = Reference("registry.invalid", "a/b", "1")
    with requests.Session() as session, pytest.raises(BuildError, match=f"has its tokens at '{realm}'") as caught:
        tokens.fetch(f'Bearer realm="{realm}",service="test"', reference, ANN, session, BuildError, verify=True)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("challenge", ["", "Negotiate", 'Bearer service="test"'])
def test_who_does_not_say_where_tokens_are_gets_none(challenge: str) -> None:
    with requests.Session() as session:
        assert (
            tokens.fetch(challenge, Reference("registry.invalid", "a", "1"), ANN, session, BuildError, verify=True)
            == ""
        )
