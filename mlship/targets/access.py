"""Targets whose platform itself asks who is there, before a request reaches the service."""

from mlship.errors import UsageError


def refuse_api_keys(secret: str | None, target: str, guard: str) -> None:
    """Raise UsageError for a secret with API keys where ``guard``, a sentence, already says who may ask."""
    if secret is not None:
        raise UsageError(
            f"{target}: api_keys_secret='{secret}' has no place there: {guard}", "leave api_keys_secret out"
        )
