"""Objectives, and how much of what they allow was used up."""

from __future__ import annotations

import re

from msgspec import Struct

from analyzer.errors import UserError
from analyzer.model import Measured
from analyzer.report.document import Budget, FunctionReport

OBJECTIVE = re.compile(r"(?P<percent>\d{1,2}(?:\.\d{1,5})?)%(?:<(?P<duration>\d{1,9}(?:\.\d{1,3})?(?:ms|s|m)))?")


class Objective(Struct, frozen=True):
    """The share of invocations that must be good: that do not fail, or, with a threshold, that take no longer."""

    text: str
    allowed: float
    threshold: str | None = None

    @staticmethod
    def parse(text: str) -> Objective:
        """From what a person writes: 99.9% must not fail, 95%<2s must take no more than 2 s. Raises UserError."""
        match = OBJECTIVE.fullmatch(text.replace(" ", ""))
        if match is None:
            raise UserError(
                f"--objective {text!r} is neither a share that must not fail, such as 99.9%, nor one that must be quick, "
                "such as '95%<2s'"
            )
        allowed = float(f"{1 - float(match['percent']) / 100:.9g}")
        return Objective(match[0], allowed, f"duration>{match['duration']}" if match["duration"] else None)


def budgets(objectives: list[str], functions: list[FunctionReport]) -> list[Budget]:
    """What each function used up of each objective."""
    parsed = [Objective.parse(text) for text in objectives]
    return [_budget(objective, function) for objective in parsed for function in functions]


def _budget(objective: Objective, function: FunctionReport) -> Budget:
    measured = _bad(objective, function)
    if measured is None or measured.value is None:
        return Budget(function.name, objective.text, objective.allowed, None, None, None, None)

    def spent(share: float | None) -> float | None:
        return None if share is None else float(f"{share / objective.allowed:.9g}")

    return Budget(
        function.name,
        objective.text,
        objective.allowed,
        measured,
        spent(measured.value),
        spent(measured.low),
        spent(measured.high),
    )


def _bad(objective: Objective, function: FunctionReport) -> Measured | None:
    if objective.threshold is None:
        found = function.metrics.get("failure.rate")
        return found if isinstance(found, Measured) else None
    rates = function.metrics["breach.rate"]
    assert isinstance(rates, list)
    return next(one for one in rates if one.threshold == objective.threshold)
