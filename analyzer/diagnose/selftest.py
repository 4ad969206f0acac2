"""Runs the tests that rules carry."""

from __future__ import annotations

from msgspec import Struct

from analyzer.diagnose.rule import Rule, RuleTest
from analyzer.diagnose.verdicts import examine
from analyzer.diagnose.vocabulary import VOCABULARY
from analyzer.model import Measured


class TestResult(Struct, frozen=True):
    name: str
    passed: bool
    problem: str


def run_tests(rule: Rule) -> list[TestResult]:
    """Each test of a rule, with what went wrong."""
    return [_run(rule, test) for test in rule.tests]


def _run(rule: Rule, test: RuleTest) -> TestResult:
    numbers = {metric: number(metric, value) for metric, value in test.given.items()}
    found = examine(rule, "checkout", numbers)
    wanted, got = _words(test.expect, test.reason), _words(found.verdict, found.reason if test.reason else None)
    return TestResult(test.name, wanted == got, "" if wanted == got else f"expected {wanted}, got {got}")


def number(metric: str, value: float | bool | list[float | None]) -> Measured:
    """A number as a test writes it: a fact, or an interval [low, high] around an estimate in its middle."""
    low, high = value if isinstance(value, list) else (float(value), float(value))
    known = [end for end in (low, high) if end is not None]
    return Measured(
        metric=metric,
        value=sum(known) / len(known) if known else None,
        low=low,
        high=high,
        unit=VOCABULARY[metric][0],
        n=100,
        population="all invocations",
        evidence="q1",
    )


def _words(verdict: str, reason: str | None) -> str:
    return f"{verdict} {reason}" if reason else verdict
