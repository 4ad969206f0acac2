"""Hypotheses as test cases in JUnit's XML, which CI servers show: a supported one has failed, others passed or were skipped.

Skipped is what these logs could not test, and what somebody has suppressed.
"""

from __future__ import annotations

from xml.etree import ElementTree

from analyzer.model import Hypothesis
from analyzer.report.document import FunctionReport, Report
from analyzer.report.escape import visible
from analyzer.report.formats.format import Format


def write(report: Report) -> bytes:
    """A suite for every function, a case for every hypothesis."""
    root = ElementTree.Element("testsuites", name=visible(report.generator))
    for function in report.functions:
        _suite(root, function)
    _count(root)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'.encode()


def _suite(root: ElementTree.Element, function: FunctionReport) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=visible(function.name))
    for one in function.hypotheses:
        case = ElementTree.SubElement(
            suite, "testcase", classname=visible(function.name), name=visible(f"{one.id}: {one.title}")
        )
        if one.suppressed is not None:
            ElementTree.SubElement(case, "skipped", message=visible(f"suppressed: {one.suppressed}"))
        elif one.verdict == "supported":
            failure = ElementTree.SubElement(case, "failure", type=one.severity, message=visible(_why(one)))
            failure.text = "\n".join(visible(line) for line in _details(one))
        elif one.verdict == "untestable":
            ElementTree.SubElement(case, "skipped", message=visible(one.reason_text or ""))
    _count(suite)


def _count(element: ElementTree.Element) -> None:
    for name, kind in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped"), ("errors", "error")):
        element.set(name, str(len(list(element.iter(kind)))))


def _why(one: Hypothesis) -> str:
    return " ".join(sign.text for sign in one.signs_for) or one.statement


def _details(one: Hypothesis) -> list[str]:
    return [
        one.statement,
        *(f"for: {sign.text} ({sign.evidence})" for sign in one.signs_for),
        *(f"against: {sign.text} ({sign.evidence})" for sign in one.signs_against),
        *(f"do: {action.title} ({action.effort} effort)" for action in one.actions),
    ]


FORMAT = Format(name="junit", file="junit.xml", usual=False, write=write)
