"""The nouns of a composed report. What is here is what report.json holds and what the templates put into words."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from analyzer.model import (
    Action,
    Effort,
    ErrorGroup,
    Evidence,
    Expected,
    Flaw,
    Hypothesis,
    Measured,
    Severity,
    Suppression,
    SymptomKind,
    Verdict,
)

SCHEMA = "reportline.report/1"
CheckedStatus = Literal["healthy", "degraded", "insufficient-data"]


class Period(Struct, frozen=True):
    """Begin of the first and end of the last invocation, ISO 8601 in UTC; None where the logs carry no time."""

    begin: str | None = field(name="from", default=None)
    end: str | None = field(name="to", default=None)


class FunctionReport(Struct, frozen=True):
    """`metrics` are over all invocations, `breach.rate` being a list with one entry a threshold; `slices` name their population."""

    name: str
    invocations: int
    metrics: dict[str, Measured | list[Measured]]
    slices: list[Measured]
    hypotheses: list[Hypothesis]
    runtimes: list[str]
    versions: list[str]
    memory_sizes: list[int]
    region: str | None
    errors: list[ErrorGroup]


class Affected(Struct, frozen=True):
    """A function that shows a symptom, and the numbers that show it."""

    function: str
    severity: Severity
    numbers: dict[str, Measured]


class Candidate(Struct, frozen=True):
    """A hypothesis that would explain an issue, with the affected functions for which it has this verdict."""

    hypothesis: str
    title: str
    verdict: Verdict
    functions: list[str]


class Receipt(Struct, frozen=True):
    """A log line behind an issue: what it says, where it stands, and how to see it there and in AWS.

    `position` is the byte offset in the unpacked file, `time` in microseconds since 1970; `text` is the figures in words where the
    line is a REPORT.
    """

    function: str
    text: str
    source: str
    position: int
    time: int | None
    command: Snippet | None
    insights: Snippet | None


class Issue(Struct, frozen=True):
    """A symptom: something is wrong, whatever the cause. `limit` is the figure it was held against, with its source."""

    kind: SymptomKind
    severity: Severity
    overall: dict[str, Measured]
    functions: list[Affected]
    limit: str
    candidates: list[Candidate]
    receipts: list[Receipt]


class Finding(Struct, frozen=True):
    function: str
    hypothesis: Hypothesis


class Cause(Struct, frozen=True):
    """One hypothesis across the functions, those it fits best first."""

    id: str
    title: str
    verdict: Verdict
    findings: list[Finding]


class Solution(Struct, frozen=True):
    """One action and the functions it is for, with one SAM snippet for them all, and one for Terraform."""

    hypothesis: str
    verdict: Verdict
    effort: Effort
    title: str
    findings: list[Advice]
    snippet: Snippet | None
    terraform: Snippet | None


class Advice(Struct, frozen=True):
    function: str
    action: Action


class TimeoutAdvice(Struct, frozen=True):
    function: str
    numbers: dict[str, Measured]


class AlarmAdvice(Struct, frozen=True):
    """An alarm in words; `tried` says what it would have done on these logs, and `evidence` is the query that found out."""

    function: str
    name: str
    condition: str
    level: Severity
    why: str
    tried: str
    evidence: str | None


class Prediction(Struct, frozen=True):
    """What should be true of a function after an action, for the next report to grade."""

    function: str
    hypothesis: str
    action: str
    expected: Expected


class Snippet(Struct, frozen=True):
    language: str
    text: str


class QualityReport(Struct, frozen=True):
    lines: int
    understood: int
    sources: list[SourceReport]
    counts: dict[str, int]
    lacking: list[str]
    flaws: list[Flaw]
    broken: list[str]
    not_in_logs: list[str]
    unreadable: list[str]


class SourceReport(Struct, frozen=True):
    source: str
    container: str
    sha256: str
    lines: int
    understood: int
    problems: list[str]


class SuppressionReport(Struct, frozen=True):
    """What became of a suppression, and how many supported findings it meets."""

    suppression: Suppression
    state: Literal["in force", "expired", "unused"]
    findings: int


class Asked(Struct, frozen=True):
    """What the report was asked for, so that it can be made again: window and thresholds, and whether it was redacted."""

    since: str | None
    until: str | None
    thresholds: list[str]
    redacted: bool
    region: str | None = None
    suppressions: list[Suppression] = field(default_factory=list)


class Report(Struct, frozen=True, kw_only=True):
    schema: str
    kind: str
    generator: str
    subject: str
    status: CheckedStatus
    asked: Asked
    period: Period
    headline: str
    overall: FunctionReport
    functions: list[FunctionReport]
    issues: list[Issue]
    causes: list[Cause]
    solutions: list[Solution]
    timeouts: list[TimeoutAdvice]
    alarms: list[AlarmAdvice]
    alarms_template: Snippet | None
    alarms_terraform: Snippet | None
    dashboard: Snippet | None
    rollback: Snippet | None
    predictions: list[Prediction]
    suppressions: list[SuppressionReport]
    evidence: dict[str, Evidence]
    quality: QualityReport
