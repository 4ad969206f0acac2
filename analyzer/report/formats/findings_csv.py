"""Every hypothesis of every function as a table for spreadsheets: what was found, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.model import Hypothesis
from analyzer.report.document import Report
from analyzer.report.formats.csv_cells import table
from analyzer.report.formats.format import Format

COLUMNS = (
    "function", "hypothesis", "title", "verdict", "probability", "severity", "suppressed", "reason", "why", "against", "do",
    "effort", "settled_by", "evidence", "fingerprint",
)  # fmt: skip


def write(report: Report) -> bytes:
    """One row a function and hypothesis, in the order of the report. `evidence` names queries, as files in evidence/ are named."""
    return table(COLUMNS, _rows(report))


def _rows(report: Report) -> Iterator[tuple[object, ...]]:
    for function in report.functions:
        for one in function.hypotheses:
            yield function.name, *_cells(one)


def _cells(one: Hypothesis) -> tuple[object, ...]:
    signs = [*one.signs_for, *one.signs_against]
    return (
        one.id,
        one.title,
        one.verdict,
        one.probability,
        one.severity,
        one.suppressed,
        one.reason,
        one.reason_text or " ".join(sign.text for sign in one.signs_for),
        " ".join(sign.text for sign in one.signs_against),
        "; ".join(action.title for action in one.actions),
        one.actions[0].effort if one.actions else None,
        one.settled_by,
        " ".join(dict.fromkeys(sign.evidence for sign in signs if sign.evidence)),
        one.fingerprint,
    )


FORMAT = Format(name="csv", file="findings.csv", usual=True, write=write)
