"""Supported hypotheses as SARIF 2.1.0, for code scanning and other tools that collect results.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from analyzer.model import Hypothesis, Severity
from analyzer.report.document import FunctionReport, Report
from analyzer.report.escape import visible
from analyzer.report.formats.format import Format

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://github.com/reportline/reportline"
LEVELS: dict[Severity, str] = {"critical": "error", "warning": "warning", "info": "note"}
# A result without a place in a file is refused by GitHub. Where no log line stands for it, the report is the place.
REPORT = "report.md"
MOST_PLACES = 3


def write(report: Report) -> bytes:
    """One run; a rule for every hypothesis, a result for every function in which one is supported."""
    rules = {one.id: _rule(one) for function in report.functions for one in function.hypotheses}
    places = {name: place for place, name in enumerate(rules)}
    name, _, version = report.generator.partition(" ")
    run = {
        "tool": {
            "driver": {"name": name, "version": version, "informationUri": HOME, "rules": list(rules.values())},
        },
        "columnKind": "unicodeCodePoints",
        "results": list(_results(report, places)),
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _rule(one: Hypothesis) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": one.id,
        "shortDescription": {"text": _text(one.title)},
        "fullDescription": {"text": _text(one.statement)},
        "help": {"text": _text(f"Refuted by {one.refuted_by}")},
    }
    return rule | ({"helpUri": one.references[0]} if one.references else {})


def _results(report: Report, places: dict[str, int]) -> Iterator[dict[str, Any]]:
    for function in report.functions:
        for one in function.hypotheses:
            if one.verdict == "supported":
                yield {
                    "ruleId": one.id,
                    "ruleIndex": places[one.id],
                    "kind": "fail",
                    "level": LEVELS[one.severity],
                    "message": {"text": _text(_message(function, one))},
                    "locations": list(_locations(function, one)),
                    "partialFingerprints": {"reportline/v1": one.fingerprint},
                    "rank": round(100 * one.probability, 1),
                    "properties": {"probability": one.probability, "actions": [_text(do.title) for do in one.actions]},
                } | _suppressions(one)


def _suppressions(one: Hypothesis) -> dict[str, Any]:
    if one.suppressed is None:
        return {}
    return {"suppressions": [{"kind": "external", "status": "accepted", "justification": _plain(one.suppressed)}]}


def _message(function: FunctionReport, one: Hypothesis) -> str:
    return " ".join([f"{function.name}: {one.title}.", *(sign.text for sign in one.signs_for)])


def _locations(function: FunctionReport, one: Hypothesis) -> Iterator[dict[str, Any]]:
    """Lines of the errors that the hypothesis explains, else the report. Offsets are those of the decompressed file."""
    logical = [{"name": _plain(function.name), "kind": "function"}]
    excerpts = [excerpt for group in function.errors for excerpt in group.excerpts] if "failing" in one.explains else []
    for excerpt in excerpts[:MOST_PLACES]:
        place = {"artifactLocation": {"uri": quote(excerpt.source)}, "region": {"byteOffset": excerpt.position}}
        yield {"physicalLocation": place, "logicalLocations": logical}
    if not excerpts:
        yield {"physicalLocation": {"artifactLocation": {"uri": REPORT}}, "logicalLocations": logical}


def _plain(text: str) -> str:
    return visible(text).strip()


def _text(text: str) -> str:
    """A plain text message, in which braces mean placeholders, and brackets before parentheses links."""
    doubled = _plain(text).replace("{", "{{").replace("}", "}}")
    return doubled.replace("[", "\\[").replace("]", "\\]") if "](" in doubled else doubled


FORMAT = Format(name="sarif", file="findings.sarif", usual=False, write=write)
