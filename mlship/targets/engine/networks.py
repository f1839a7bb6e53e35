"""The two networks of a stack: one of the copies that leads nowhere else, and one by which the gateway is reached."""

from docker import DockerClient
from docker.errors import APIError
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from mlship.errors import UsageError
from mlship.targets.engine.containers import STACK, inner, outer
from mlship.targets.stack import Stack


def ensure(client: DockerClient, plan: Stack) -> None:
    """Make the networks that are not there.

    Raises UsageError where another network has the addresses, or a network of that name is not of this stack: then
    none was made.
    """
    found_inner, found_outer = _found(client, plan, inner(plan.name)), _found(client, plan, outer(plan.name))
    if found_inner is None:
        _make_inner(client, plan)
    elif (subnet := found_inner.attrs["IPAM"]["Config"][0]["Subnet"]) != plan.subnet:
        message = f"the copies that run have addresses in {subnet}, and the plan has {plan.subnet}"
        raise UsageError(message, "mlship deploy compose --down, then --up")
    if found_outer is None:
        client.networks.create(outer(plan.name), labels={STACK: plan.name})


def remove(client: DockerClient, stack: str) -> None:
    """Remove the networks of a stack, in which nothing runs any more."""
    for network in client.networks.list(filters={"label": f"{STACK}={stack}"}):
        network.remove()


def _make_inner(client: DockerClient, plan: Stack) -> None:
    pool = IPAMConfig(pool_configs=[IPAMPool(subnet=plan.subnet)])
    try:
        client.networks.create(inner(plan.name), internal=True, ipam=pool, labels={STACK: plan.name})
    except APIError as error:
        if "overlaps" in str(error.explanation):
            message = f"the addresses {plan.subnet} are those of another network of the engine"
            raise UsageError(message, "--set subnet=10.200.7.0/24, or another one that is free") from error
        raise


def _found(client: DockerClient, plan: Stack, name: str) -> Network | None:
    for network in client.networks.list(names=[name]):
        if network.name != name:  # the engine looks for parts of names
            continue
        network.reload()
        if (network.attrs.get("Labels") or {}).get(STACK) != plan.name:
            message = f"there is a network '{name}' that mlship has not made, and leaves alone"
            raise UsageError(message, "give the service another name: --name ...")
        return network
    return None
