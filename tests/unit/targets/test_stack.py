"""The plan of a stack: addresses, shares, and what copies are told."""

import ipaddress

import pytest

from mlship.targets import stack
from tests.unit.targets.compose_support import plan


def test_every_place_has_an_address_of_its_own_within_the_network() -> None:
    found = plan(replicas=64, canary=100, canary_image="iris:2")
    addresses = [slot.address for slot in (*found.slots, *found.spare)] + [found.gateway_address]
    assert len(set(addresses)) == len(addresses) == 3 * 64 + 1
    network, others = ipaddress.ip_network(found.subnet), ipaddress.ip_network(stack.others(found.subnet))
    assert others.subnet_of(network)
    assert not any(ipaddress.ip_address(each) in others for each in addresses)
    taken = {network.network_address, network.broadcast_address, network[1]}
    assert all(ipaddress.ip_address(each) in network for each in addresses)
    assert not taken & {ipaddress.ip_address(each) for each in addresses}


def test_there_are_as_many_spare_places_as_copies() -> None:
    found = plan(replicas=5)
    assert [slot.name for slot in found.spare] == [f"iris-spare-{number}" for number in range(1, 6)]


@pytest.mark.parametrize(
    ("place", "stable"), [("iris-12", True), ("iris-spare-1", False), ("iris-canary-1", False), ("gateway", False)]
)
def test_a_stable_place_is_known_by_its_name(place: str, stable: bool) -> None:
    assert stack.is_stable("iris", place) is stable


def test_the_network_is_the_same_each_time_and_another_for_another_name() -> None:
    assert stack.subnet_of("iris") == stack.subnet_of("iris")
    assert len({stack.subnet_of(f"iris-{number}") for number in range(20)}) == 20
    assert all(stack.check_subnet(stack.subnet_of(f"iris-{number}")) for number in range(20))


@pytest.mark.parametrize(("replicas", "canary"), [(1, 1), (1, 50), (3, 10), (3, 100), (64, 99), (7, 33)])
def test_the_weights_of_a_group_add_up_to_its_share(replicas: int, canary: int) -> None:
    found = plan(replicas=replicas, canary=canary, canary_image="iris:2")
    weights = {slot.name: weight for slot, weight in stack.shares(found, 10_000)}
    others = sum(weights[slot.name] for slot in found.canary)
    total = others + sum(weights[slot.name] for slot in found.stable)
    assert others / total == pytest.approx(canary / 100, abs=0.01)


def test_another_version_without_a_share_gets_nothing() -> None:
    found = plan(canary_image="iris:2")
    assert [weight for slot, weight in stack.shares(found, 10_000) if slot in found.canary] == [0]


def test_a_setting_of_the_user_wins() -> None:
    assert plan(env={"GRACE_SECONDS": "20"}).settings["GRACE_SECONDS"] == "20"


@pytest.mark.parametrize(("seconds", "grace"), [(0.5, 8), (7.0, 8), (7.1, 9), (60.0, 61)])
def test_a_copy_that_ends_gets_the_time_for_one_more_try(seconds: float, grace: int) -> None:
    found = plan(try_timeout=seconds, timeout=100.0)
    assert found.settings["GRACE_SECONDS"] == str(grace)
    assert found.stop_seconds == found.drain + grace + 2


def test_copies_believe_the_gateway_about_who_asks() -> None:
    found = plan()
    assert found.settings["FORWARDED_ALLOW_IPS"] == found.gateway_address
