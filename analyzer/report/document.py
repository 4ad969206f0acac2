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
    MomentKind,
    Move,
    Severity,
    State,
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


PatternKind = Literal["daily-traffic", "daily-durations", "slow-by-nature", "cold-schedule"]


class Pattern(Struct, frozen=True):
    """Something in one function that is expected and no finding, with the numbers that show it."""

    kind: PatternKind
    function: str
    numbers: dict[str, Measured]


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

    @property
    def differs(self) -> bool:
        """Whether what is said of the first function is not said of all."""
        found = [finding.hypothesis for finding in self.findings]
        return (
            len({(one.reason_text, *(sign.text for sign in (*one.signs_for, *one.signs_against))) for one in found}) > 1
        )


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
    """An alarm in words; `tried` says what it would have done on these logs, and `evidence` is the query that found out.

    `fired` are the first times at which it would have gone off, those in the slow episode before others, in µs since 1970.
    """

    function: str
    name: str
    condition: str
    level: Severity
    why: str
    tried: str
    evidence: str | None
    fired: list[int]


Direction = Literal["fall", "rise", "stay"]


class Prediction(Struct, frozen=True, kw_only=True):
    """What should be true of a function after an action, for the next report to grade.

    `before` is what the metric is now, with its query; `settings` are metrics that will show whether the action was taken, by
    the value that they then have, none where logs cannot show it; `check` says how to check it.
    """

    function: str
    hypothesis: str
    action: str
    expected: Expected
    direction: Direction
    before: Measured
    settings: dict[str, float]
    check: str


Grade = Literal["held", "not-held", "not-tested"]


class GradedPrediction(Struct, frozen=True):
    """A prediction of an earlier report beside what this one found. `why` is for what could not be tested."""

    prediction: Prediction
    grade: Grade
    observed: Measured | None
    why: str | None


class EarlierFinding(Struct, frozen=True):
    fingerprint: str
    id: str
    title: str
    verdict: Verdict
    severity: Severity


class EarlierFunction(Struct, frozen=True):
    name: str
    invocations: int
    versions: list[str]
    numbers: list[Measured]
    findings: list[EarlierFinding]


class Earlier(Struct, frozen=True, kw_only=True):
    """What is kept of the report that this one is held against; `sha256` is the digest of all the rest.

    `whole` is false where it is an earlier window of the same lake, of which nobody saw a report. Queries are named b12 where the
    earlier report named them q12.
    """

    kind: str
    whole: bool
    period: Period
    overall: EarlierFunction
    functions: list[EarlierFunction]
    predictions: list[Prediction]
    evidence: dict[str, Evidence]
    sha256: str = ""


class ChangedFinding(Struct, frozen=True):
    """`state` follows from the verdicts, and where both hold from the numbers that the hypothesis would explain."""

    function: str
    hypothesis: str
    title: str
    state: State
    severity: Severity
    before: Verdict | Literal["absent"]
    after: Verdict | Literal["absent"]


class Changes(Struct, frozen=True):
    """From an earlier report to this one; `appeared` and `gone` are functions that only one of them knows."""

    findings: list[ChangedFinding]
    numbers: list[Move]
    appeared: list[str]
    gone: list[str]


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """A moment of one function in ISO 8601; `earliest` and `latest` where it is an estimate."""

    at: str
    function: str
    kind: MomentKind
    evidence: str
    earliest: str | None = None
    latest: str | None = None
    name: str | None = None
    count: int | None = None
    number: Measured | None = None


class Turn(Struct, frozen=True):
    """A change for the worse, and what else changed within its interval. `until` is None where these logs end before it did."""

    onset: TimelineEntry
    until: str | None
    near: list[TimelineEntry]


class Budget(Struct, frozen=True):
    """How often the `allowed` share was used up: 1 is all of it. `measured` is the share of bad invocations; None where unknown."""

    function: str
    objective: str
    allowed: float
    measured: Measured | None
    spent: float | None
    low: float | None
    high: float | None


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
    duplicates: int


class SuppressionReport(Struct, frozen=True):
    """What became of a suppression, and how many supported findings it meets."""

    suppression: Suppression
    state: Literal["in force", "expired", "unused"]
    findings: int


class Asked(Struct, frozen=True):
    """What the report was asked for, so that it can be made again."""

    since: str | None
    until: str | None
    thresholds: list[str]
    redacted: bool
    baseline: str | None = None
    objectives: list[str] = field(default_factory=list)
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
    expected: list[Pattern]
    solutions: list[Solution]
    timeouts: list[TimeoutAdvice]
    alarms: list[AlarmAdvice]
    alarms_template: Snippet | None
    alarms_terraform: Snippet | None
    dashboard: Snippet | None
    rollback: Snippet | None
    predictions: list[Prediction]
    timeline: list[TimelineEntry]
    turns: list[Turn]
    budgets: list[Budget]
    earlier: Earlier | None
    changes: Changes | None
    graded: list[GradedPrediction]
    suppressions: list[SuppressionReport]
    evidence: dict[str, Evidence]
    quality: QualityReport
