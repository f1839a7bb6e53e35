"""junit.xml: a test case a gate, as Jenkins and GitLab read them.

Format: the xUnit plugin's junit-10.xsd for Jenkins; GitLab documentation, "Unit test reports".
"""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mlship.reports.model import Report, Verdict

_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2, "Char"


def text(report: Report, *, strict: bool = False) -> str:
    """Return the document: what failed is a failure, what is unclear is skipped, or a failure where ``strict``."""
    suite = Element("testsuite", name=_fit(f"mlship benchmark of {report.model}"))
    if report.parity is not None:
        _parity(suite, report)
    for verdict in report.verdicts:
        _gate(suite, verdict, strict)
    counts = {
        "tests": len(suite),
        "failures": len(suite.findall("*/failure")),
        "errors": 0,
        "skipped": len(suite.findall("*/skipped")),
    }
    suite.attrib |= {name: str(count) for name, count in counts.items()}
    suites = Element("testsuites")
    suites.append(suite)
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _parity(suite: Element, report: Report) -> None:
    case = _case(suite, "mlship.parity", "the service answers the golden set as the model does")
    if report.parity is not None and not report.parity.get("passed", True):
        words = str(report.parity.get("problem") or f"{report.parity.get('rows_off', 'some')} rows differ")
        SubElement(case, "failure", message=_fit(words), type="parity").text = _fit(words)


def _gate(suite: Element, verdict: Verdict, strict: bool) -> None:  # noqa: FBT001
    where = "/".join(part for part in (verdict.of, verdict.load) if part)
    case = _case(suite, "mlship.gates", f"{verdict.expression} [{where}]" if where else verdict.expression)
    sentence = _fit(verdict.sentence)
    if verdict.outcome == "failed" or (strict and verdict.outcome == "unclear"):
        SubElement(case, "failure", message=sentence, type=verdict.outcome).text = sentence
    elif verdict.outcome == "unclear":
        SubElement(case, "skipped", message=sentence)
    else:
        SubElement(case, "system-out").text = sentence


def _case(suite: Element, kind: str, name: str) -> Element:
    return SubElement(suite, "testcase", classname=kind, name=_fit(name), time="0")


def _fit(words: str) -> str:
    """Replace what XML cannot hold at all."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", words)
