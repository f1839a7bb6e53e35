"""Wait for sockets: epoll where there is one, else what ``selectors`` has, with the same face."""

import select
import selectors
from typing import Protocol

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

#: File numbers, each with a mask that nothing is made of.
Ready = list[tuple[int, int]]


class Poller(Protocol):
    """Watches file numbers, for reading and, where ``writing``, for that too."""

    def watch(self, number: int, *, writing: bool) -> None: ...
    def change(self, number: int, *, writing: bool) -> None: ...
    def forget(self, number: int) -> None: ...
    def close(self) -> None: ...

    def wait(self, seconds: float) -> Ready:
        """Return what is ready, after ``seconds`` at the latest, or up to a millisecond more."""

    def doze(self, seconds: float) -> Ready:
        """Wait as ``wait`` does, at the cost of another system call to be exact to some 0.1 ms; 0 only looks."""


def poller() -> Poller:
    """Return the fastest that this system has."""
    return _Epoll() if hasattr(select, "epoll") else _Selector()


class _Epoll:
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.close, self.forget, self.wait = self._epoll.close, self._epoll.unregister, self._epoll.poll

    def watch(self, number: int, *, writing: bool) -> None:
        self._epoll.register(number, select.EPOLLIN | select.EPOLLOUT * writing)

    def change(self, number: int, *, writing: bool) -> None:
        self._epoll.modify(number, select.EPOLLIN | select.EPOLLOUT * writing)

    def doze(self, seconds: float) -> Ready:
        if seconds > 0:  # epoll_wait counts in milliseconds, select in microseconds
            select.select([self._epoll], [], [], seconds)
        return self._epoll.poll(0)


class _Selector:
    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.close = self._selector.close

    def watch(self, number: int, *, writing: bool) -> None:
        self._selector.register(number, _READ | _WRITE * writing)

    def change(self, number: int, *, writing: bool) -> None:
        self._selector.modify(number, _READ | _WRITE * writing)

    def forget(self, number: int) -> None:
        self._selector.unregister(number)

    def wait(self, seconds: float) -> Ready:
        return [(key.fd, mask) for key, mask in self._selector.select(seconds)]

    doze = wait
