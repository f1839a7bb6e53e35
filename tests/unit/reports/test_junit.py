from xml.etree import ElementTree

import pytest

from mlship.reports import junit
from mlship.reports.model import Report
from tests.unit.reports import samples

ATTRIBUTES = {
    "testsuites": set(),
    "testsuite": {"name", "tests", "failures", "errors", "skipped"},
    "testcase": {"name", "classname", "time"},
    "failure": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
}


def parsed(report: Report, *, strict: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(junit.text(report, strict=strict).encode())


def outcome(root: ElementTree.Element, number: int) -> str:
    return root.findall("testsuite/testcase")[number][0].tag


@pytest.mark.parametrize("name", samples.everything())
def test_the_document_has_the_elements_that_jenkins_and_gitlab_read(name: str) -> None:
    for element in parsed(samples.everything()[name]).iter():
        assert set(element.keys()) == ATTRIBUTES[element.tag]


def test_each_gate_is_a_case_with_its_outcome() -> None:
    root = parsed(samples.full())
    names = [case.get("name") for case in root.iter("testcase")]
    assert names[1:] == [
        "p99@c64 > +10% [service/c64]",
        "throughput@c64 < -5% [service/c64]",
        "p50@c8 > 350us [service/c8]",
    ]
    assert [outcome(root, number) for number in (1, 2, 3)] == ["system-out", "failure", "skipped"]


def test_what_is_unclear_fails_where_it_is_strict() -> None:
    assert outcome(parsed(samples.full(), strict=True), 3) == "failure"


def test_the_counts_are_those_of_the_cases() -> None:
    suite = parsed(samples.full()).find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }


def test_a_failed_parity_is_a_failure() -> None:
    report = samples.full().model_copy(update={"parity": {"passed": False, "rows_off": 3, "problem": ""}})
    [failure] = parsed(report).findall("testsuite/testcase[@classname='mlship.parity']/failure")
    assert failure.get("message") == "3 rows differ"


def test_what_xml_cannot_hold_is_replaced() -> None:
    message = next(parsed(samples.hostile()).iter("failure")).get("message")
    assert message == samples.HOSTILE.replace("\x0b", "\N{REPLACEMENT CHARACTER}")
