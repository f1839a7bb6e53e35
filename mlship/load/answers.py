"""What was answered to each body: every distinct content, so that the caller can check it after the clock stopped."""

#: Distinct contents that are kept for a body; a service whose answers never repeat must not fill the memory.
VARIANTS = 16


class Answers:
    """Contents by body number, and ``last``: the bytes of an answer that was taken in full last, head and all.

    An answer of the same bytes to the same body is complete, of status 200 and known, which is seen in a tenth of the
    time that parsing takes; and most answers are, until a date in the head changes.
    """

    def __init__(self, bodies: int) -> None:
        self.last = [b""] * bodies
        self.unchecked = 0
        self._seen: list[dict[bytes, None]] = [{} for _ in range(bodies)]

    def take(self, body: int, content: bytes, whole: bytes = b"") -> None:
        """Keep a content; ``whole`` is its answer from first byte to last, where the next may be compared with it."""
        seen = self._seen[body]
        if content not in seen:
            if len(seen) == VARIANTS:
                self.unchecked += 1
                return
            seen[content] = None
        self.last[body] = whole

    def contents(self) -> list[list[bytes]]:
        """Return the distinct contents of each body, in the order in which they came."""
        return [list(seen) for seen in self._seen]
