"""Findings that somebody knows of: marked while the suppression lasts, and said so when it has ended or meets nothing.

A suppression ends by the end of the logs and not by the clock, so that the same logs give the same report next year.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec.structs import replace

from analyzer.model import Hypothesis, Suppression
from analyzer.report.document import SuppressionReport

Ranked = dict[str, list[Hypothesis]]


def suppress(
    ranked: Ranked, suppressions: Iterable[Suppression], last: int | None
) -> tuple[Ranked, list[SuppressionReport]]:
    """The hypotheses with their suppressions, and what became of each. `last` is the end of the logs in microseconds.

    Logs without times end no suppression.
    """
    day = datetime.fromtimestamp(last / 1_000_000, UTC).date().isoformat() if last is not None else ""
    told = []
    for one in suppressions:
        met = [
            (function, hypothesis)
            for function, hypotheses in ranked.items()
            for hypothesis in hypotheses
            if hypothesis.id == one.hypothesis
            and one.function in (None, function)
            and hypothesis.verdict == "supported"
        ]
        expired = one.expires < day
        if not expired:
            marked = {(function, hypothesis.id) for function, hypothesis in met}
            ranked = {
                function: [
                    replace(hypothesis, suppressed=one.reason) if (function, hypothesis.id) in marked else hypothesis
                    for hypothesis in hypotheses
                ]
                for function, hypotheses in ranked.items()
            }
        told.append(SuppressionReport(one, "expired" if expired else "in force" if met else "unused", len(met)))
    return ranked, told
