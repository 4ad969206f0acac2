"""Runs the tests that rules carry."""

from __future__ import annotations

import json
from collections.abc import Iterator

from msgspec import Struct

from analyzer.diagnose.rule import Rule, RuleTest
from analyzer.diagnose.verdicts import examine
from analyzer.diagnose.vocabulary import VOCABULARY
from analyzer.model import Hypothesis, Measured


class TestResult(Struct, frozen=True):
    """A test of a rule with what went wrong, if anything did, and what the report would say of what the test gives."""

    name: str
    passed: bool
    problem: str
    verdict: str
    sentences: list[str]


def run_tests(rule: Rule) -> list[TestResult]:
    """Each test of a rule."""
    return [_run(rule, test) for test in rule.tests]


def _run(rule: Rule, test: RuleTest) -> TestResult:
    numbers = {metric: number(metric, value) for metric, value in test.given.items()}
    found = examine(rule, "checkout", numbers)
    wanted, got = _words(test.expect, test.reason), _words(found.verdict, found.reason if test.reason else None)
    problem = "" if wanted == got else f"expected {wanted}, got {got}"
    verdict = f"{_words(found.verdict, found.reason)}, probability {found.probability}"
    return TestResult(test.name, wanted == got, problem, verdict, list(_sentences(found)))


def _sentences(found: Hypothesis) -> Iterator[str]:
    if found.reason_text:
        yield found.reason_text
    yield from (f"for: {sign.text}" for sign in found.signs_for)
    yield from (f"against: {sign.text}" for sign in found.signs_against)
    for action in found.actions:
        yield f"action: {action.title} {json.dumps(action.settings) if action.settings else ''}".rstrip()


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
