"""Bring the engine to what a plan says, so that no request is lost, and end it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docker import DockerClient

from mlship.errors import PluginError
from mlship.images.engine import connect, plain_errors
from mlship.stages import Progress
from mlship.targets.engine import containers, front, networks, waiting
from mlship.targets.engine.containers import GATEWAY, Spec
from mlship.targets.engine.rolling import Roll
from mlship.targets.stack import Stack


def up(plan: Stack, configuration: Path, progress: Progress) -> dict[str, Any]:
    """Start what ``plan`` says and does not run, change what runs otherwise, and end what it does not say.

    ``configuration`` is the folder of the gateway's files. Returns the facts, with ``url`` and a ``sentence``.
    Raises PluginError for a gateway that needs more than that, UsageError for an image that is not there, a port or a
    name that is taken, ServiceError where a copy does not get ready, or the gateway refuses its configuration: what
    ran before it then still runs.
    """
    _require_all(plan)
    with _engine("to start the deployment") as client:
        specs, gateway = _copies(client, plan), front.spec(client, plan)
        running = containers.of(client, plan.name)
        front.require_port(plan, running.get(GATEWAY))
        places = (slot.name for slot in (*plan.slots, *plan.spare))
        containers.require_free(client, plan.name, (*places, containers.gateway_name(plan.name)))
        front.require_accepted(client, plan, gateway, configuration, running.get(GATEWAY), progress)
        networks.ensure(client, plan)
        roll = Roll(client, plan, running, progress)
        new = roll.copies(specs)
        done = front.bring(client, plan, gateway, configuration, running.get(GATEWAY), progress)
        # after the gateway has been told to ask them no more
        wanted = {GATEWAY, *(spec.place for spec in specs)}
        roll.end([container for place, container in running.items() if place not in wanted])
    sentence = f"{plan.url}: {len(specs)} copies, {new} of them new; {plan.gateway} {done}"
    return {"url": plan.url, "sentence": sentence, "copies": len(specs), "new": new, "gateway": done}


def down(name: str, progress: Progress) -> dict[str, Any]:
    """End and remove what ``up`` has started under ``name``: containers, networks, and the gateway's volume."""
    with _engine("to end the deployment") as client:
        found = containers.of(client, name)
        # the gateway first: then nobody asks the copies any more
        for place in sorted(found, key=lambda place: (place != GATEWAY, place)):
            progress(f"ending {place}")
            if place == GATEWAY:
                found[place].stop()
            found[place].remove(force=True, v=True)
        networks.remove(client, name)
        for volume in client.volumes.list(filters={"label": f"{containers.STACK}={name}"}):
            volume.remove()
    told = f"ended {len(found)} containers of {name}" if found else f"nothing of {name} was running"
    return {"ended": len(found), "sentence": told}


def _require_all(plan: Stack) -> None:
    if plan.gateway == "tyk":
        raise PluginError("Tyk keeps its keys in Redis, which --up does not start", "docker compose up --wait")
    if plan.gateway == "kong" and plan.api_keys:
        message = "kong.yaml refers to an API key that deck has to put in, which --up does not do"
        raise PluginError(message, "deck file render --populate-env-vars, then docker compose up --wait")


def _copies(client: DockerClient, plan: Stack) -> list[Spec]:
    """Return the containers of all copies; raises UsageError for an image that is not there, or tells no health."""
    ids = {}
    for name in sorted({slot.image for slot in plan.slots}):
        image = containers.image_of(client, name, f"docker pull {name}, or mlship build -t {name}")
        waiting.require_health_check(image)
        ids[name] = str(image.id)
    return [containers.copy(plan, slot, ids[slot.image]) for slot in plan.slots]


@contextmanager
def _engine(doing: str) -> Iterator[DockerClient]:
    client = connect()
    try:
        with plain_errors(doing):
            yield client
    finally:
        client.close()
