"""Change the copies of a stack while it answers, so that no client gets the old version after the new one.

The new version is started in the spare places: where one copy does not get ready, nothing else was touched. Then all
copies of the old version are told to end at the same time, and the gateway turns to the spare places, which it asks
only when no other copy answers. New copies take the addresses of the old ones, and the spare places are emptied again.
The gateway needs no word of that: Envoy and Kong ask /readyz, which says no before a copy goes, and nginx sends what
fails to another copy.

An update may have been broken off anywhere, and the next one begins with what it left: those that may be the only ones
to answer, in the old places or the spare ones, stay until others do.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container

from mlship.stages import Progress
from mlship.targets import stack
from mlship.targets.engine import containers, waiting
from mlship.targets.engine.containers import Spec
from mlship.targets.gateways.programs import PROGRAMS
from mlship.targets.stack import Stack


class Roll:
    """Brings the copies of ``plan`` to what they are to be; ``running`` are the containers that there are, by place."""

    def __init__(self, client: DockerClient, plan: Stack, running: Mapping[str, Container], progress: Progress) -> None:
        self._client, self._plan, self._running, self._progress = client, plan, running, progress

    def copies(self, specs: Sequence[Spec]) -> int:
        """Start, replace and keep copies; return how many are new.

        Raises ServiceError where one does not get ready: then those that answered before answer on, or the copies of
        the new version in the spare places.
        """
        new = [spec for spec in specs if not _is(spec, self._running.get(spec.place))]
        self._update([spec for spec in new if stack.is_stable(self._plan.name, spec.place)])
        # other versions have the stable copies to fall back on
        others = [spec for spec in new if not stack.is_stable(self._plan.name, spec.place)]
        self.end(self._at([spec.place for spec in others]))
        self._start(others)
        return len(new)

    def end(self, leaving: Sequence[Container]) -> None:
        """Let copies answer what they have, all at the same time, and remove them."""
        if leaving:
            self._progress(f"ending {', '.join(sorted(str(container.name) for container in leaving))}")
            with ThreadPoolExecutor(len(leaving)) as threads:
                list(threads.map(self._end, leaving))

    def _update(self, new: Sequence[Spec]) -> None:
        leaving = self._at([spec.place for spec in new])
        spare = self._at([slot.name for slot in self._plan.spare])
        if any(container.status == "running" for container in leaving):
            if not self._answer_alone(spare):
                self.end(spare)
                spare = self._start(self._spares(new[0]))
            if PROGRAMS[self._plan.gateway].drain:  # nginx does not ask which copies are well: it tries them
                self._let_settle()
            leaving += self._surplus()
        self.end(leaving)
        self._start(new)
        if spare:
            kept = {slot.name for slot in self._plan.stable}.difference(spec.place for spec in new)
            for container in self._at(sorted(kept)):
                waiting.ready(container, self._plan.startup)
            self._let_settle()
        self.end(spare)

    def _answer_alone(self, spare: Sequence[Container]) -> bool:
        """Say whether an update was broken off after stable copies were told to end: then the spare ones answer."""
        if not any(waiting.is_ready(container) for container in spare):
            return False
        return not all(waiting.is_ready(container) for container in self._stable())

    def _spares(self, like: Spec) -> list[Spec]:
        return [containers.copy(self._plan, slot, like.options["image"]) for slot in self._plan.spare]

    def _surplus(self) -> list[Container]:
        """Return stable copies of the old version for which the plan has no place any more."""
        wanted = {slot.name for slot in self._plan.stable}
        return [container for container in self._stable() if container.labels[containers.PLACE] not in wanted]

    def _stable(self) -> list[Container]:
        return self._at(place for place in self._running if stack.is_stable(self._plan.name, place))

    def _at(self, places: Iterable[str]) -> list[Container]:
        return [self._running[place] for place in places if place in self._running]

    def _start(self, specs: Sequence[Spec]) -> list[Container]:
        """Start copies beside each other, and wait until they are ready; where one is not, none of them stays."""
        started: list[Container] = []
        try:
            for spec in specs:
                self._progress(f"starting {spec.name}")
                started.append(containers.create(self._client, self._plan, spec))
                started[-1].start()
            for container in started:
                waiting.ready(container, self._plan.startup)
        except BaseException:
            for container in started:
                container.remove(force=True, v=True)
            raise
        return started

    def _end(self, container: Container) -> None:
        with suppress(NotFound):
            container.stop(timeout=self._plan.stop_seconds)
            container.remove(force=True, v=True)

    def _let_settle(self) -> None:
        """Give the gateway the time to find out which copies are well, before others go."""
        time.sleep(PROGRAMS[self._plan.gateway].settle)


def _is(spec: Spec, container: Container | None) -> bool:
    """Say whether a container runs, and was made as ``spec`` says."""
    if container is None or container.status != "running":
        return False
    return bool(container.labels[containers.MADE] == spec.digest)
