"""The nouns that the rooms speak in. Frozen, dull, and without a method that does any work.

Time is an integer everywhere inside: microseconds since 1970-01-01 UTC. Durations are milliseconds (float), sizes are MB
(int). `None` always means "these logs do not say", never zero.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

# How the name of a source begins that was read from a log group and was in no file.
CLOUDWATCH = "cloudwatch:"

# ── reading: what a container yields, and what a grammar makes of it ─────────────────────────────────────────────────


class Record(Struct, frozen=True):
    """One log event as its container carries it; `position` is the byte offset of its line in the decompressed file."""

    message: str
    position: int
    time: int | None = None
    stream: str | None = None
    log_group: str | None = None
    function: str | None = None


Status = Literal["success", "failure", "error", "timeout"]
Level = Literal["trace", "debug", "info", "warning", "error", "critical"]


class Start(Struct, frozen=True):
    request_id: str
    version: str | None = None
    trace_id: str | None = None
    function: str | None = None


class End(Struct, frozen=True):
    """The invocation is over. JSON logs say `platform.runtimeDone` with a status; text logs say END without one."""

    request_id: str
    status: Status | None = None
    error_type: str | None = None


class ReportLine(Struct, frozen=True):
    request_id: str
    duration_ms: float | None = None
    billed_ms: float | None = None
    memory_mb: int | None = None
    max_memory_mb: int | None = None
    init_ms: float | None = None
    restore_ms: float | None = None
    billed_restore_ms: float | None = None
    status: Status | None = None
    error_type: str | None = None
    trace_id: str | None = None


class InitStart(Struct, frozen=True):
    """`concurrent`: the environment serves several requests at a time, as Lambda Managed Instances do."""

    runtime: str | None = None
    runtime_arn: str | None = None
    function: str | None = None
    version: str | None = None
    concurrent: bool = False


class InitReport(Struct, frozen=True):
    """`phase` is "init" for the start-up itself and "invoke" for its repetition inside the first invocation."""

    init_ms: float | None = None
    phase: str | None = None
    status: Status | None = None
    error_type: str | None = None


class RestoreStart(Struct, frozen=True):
    runtime: str | None = None
    runtime_arn: str | None = None


class RestoreReport(Struct, frozen=True):
    restore_ms: float | None = None
    status: Status | None = None
    error_type: str | None = None


class Fault(Struct, frozen=True):
    """The platform says that the runtime process ended, crashed or was killed."""

    message: str
    request_id: str | None = None
    error_type: str | None = None


class TimedOut(Struct, frozen=True):
    request_id: str
    limit_s: float


class Extension(Struct, frozen=True):
    """An extension or a telemetry subscription announced itself."""

    message: str
    name: str | None = None
    state: str | None = None
    error_type: str | None = None


class PlatformNote(Struct, frozen=True):
    """A platform line that is known and carries nothing that is measured."""

    message: str
    dropped_records: int | None = None


class ApplicationLine(Struct, frozen=True):
    """A line the function's own code or its runtime wrote. `unhandled` marks an error that ended the invocation.

    `last_words` are those of a process that may have ended with them. `function` is whom the line speaks of, where it stands
    in a log that others share.
    """

    message: str
    level: Level | None = None
    request_id: str | None = None
    error_type: str | None = None
    unhandled: bool = False
    fields: dict[str, float] = field(default_factory=dict)
    last_words: bool = False
    function: str | None = None


Event = (
    Start
    | End
    | ReportLine
    | InitStart
    | InitReport
    | RestoreStart
    | RestoreReport
    | Fault
    | TimedOut
    | Extension
    | PlatformNote
    | ApplicationLine
)

# ── the lake: one row each ───────────────────────────────────────────────────────────────────────────────────────────

Outcome = Literal["ok", "error", "timeout", "out_of_memory", "init_failure", "crash", "unknown"]


class Invocation(Struct, frozen=True, kw_only=True):
    """One row of the invocations table: a REPORT, or an invocation whose REPORT is missing (`complete` is then false)."""

    function: str | None
    version: str | None
    log_group: str | None
    stream: str | None
    request_id: str
    attempt: int
    start_time: int | None
    end_time: int | None
    outcome: Outcome
    error_type: str | None
    fingerprint: str | None
    duration_ms: float | None
    billed_ms: float | None
    init_ms: float | None
    restore_ms: float | None
    billed_restore_ms: float | None
    memory_mb: int | None
    max_memory_mb: int | None
    timeout_s: float | None
    runtime: str | None
    trace_id: str | None
    nth: int | None
    complete: bool
    source: str
    position: int


EventKind = Literal["init", "restore", "fault", "timeout", "error", "warning", "extension", "fields", "unparsed"]


class NotableLine(Struct, frozen=True, kw_only=True):
    """One row of the events table."""

    function: str | None
    version: str | None
    log_group: str | None
    stream: str | None
    request_id: str | None
    time: int | None
    kind: EventKind
    level: str | None
    error_type: str | None
    message: str
    fingerprint: str | None
    fields: dict[str, float] | None
    source: str
    position: int


class Source(Struct, frozen=True, kw_only=True):
    """One row of the sources table: a file that was read, what it was, and what in it was not understood.

    `duplicates` counts its invocations that other files have brought, or that it holds more than once, and that are left out.
    """

    source: str
    sha256: str
    bytes: int
    container: str
    lines: int
    understood: int
    first_time: int | None
    last_time: int | None
    problems: list[str]
    duplicates: int = 0


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────

# "time" is in seconds since 1970-01-01 UTC, so that numbers of every unit may be compared and subtracted.
Unit = Literal["ms", "ms2", "share", "count", "MB", "GB-s", "USD", "ratio", "s", "time"]


class Measured(Struct, frozen=True, kw_only=True):
    """A number that is never alone.

    `low` and `high` are the 95 % interval; both equal `value` where the number is a plain fact of the data (a count, a
    maximum); one of them is None where the data set no limit on that side; `value` is None where nothing can be estimated,
    and `note` then says why. `k` of `n` stands behind every share. `interval` names the method; with `bounds` the limits are
    the least and the most that the number can be, and no interval of an estimate.
    """

    metric: str
    value: float | None
    unit: Unit
    n: int
    population: str
    evidence: str
    low: float | None = None
    high: float | None = None
    k: int | None = None
    threshold: str | None = None
    interval: str | None = None
    bounds: bool = False
    note: str | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """A query that was run: its text, how many rows came back, the digest of those rows, and the rows while they are few."""

    id: str
    sql: str
    rows: int
    result_sha256: str
    result: list[dict[str, object]] | None = None


# ── diagnosing ───────────────────────────────────────────────────────────────────────────────────────────────────────

Verdict = Literal["supported", "weak", "not-supported", "refuted", "untestable"]
Severity = Literal["info", "warning", "critical"]
Effort = Literal["low", "medium", "high"]
# The orders in which people want to read them: the best supported, the gravest, the easiest first.
VERDICTS: tuple[Verdict, ...] = ("supported", "weak", "untestable", "not-supported", "refuted")
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high")
# What is wrong, whatever the cause; a rule says which of these its hypothesis would explain.
SymptomKind = Literal[
    "slow",
    "uneven",
    "failing",
    "timing-out",
    "out-of-memory",
    "near-memory-limit",
    "cold-tail",
    "failing-start",
    "retried",
    "changed",
    "episode",
    "drifting",
    "hanging",
    "growing-memory",
    "capped",
    "crowded",
    "uneven-environments",
    "wasteful",
]
Reason = Literal["U1", "U2", "U3", "U4", "U5", "U6"]


class Sign(Struct, frozen=True, kw_only=True):
    """One piece of evidence for or against a hypothesis, or one that is missing, as a sentence with its number's query."""

    text: str
    metric: str | None = None
    evidence: str | None = None


class Expected(Struct, frozen=True, kw_only=True):
    """What an action should do to one metric, so that the next report can say whether it did."""

    metric: str
    unit: Unit
    value: float
    low: float
    high: float
    basis: str


class Action(Struct, frozen=True, kw_only=True):
    """Something to do. `settings` are properties of AWS::Serverless::Function, by their AWS names."""

    title: str
    effort: Effort
    why: str
    settings: dict[str, object] = field(default_factory=dict)
    expected: Expected | None = None
    snippet: str | None = None


class Suppression(Struct, frozen=True, kw_only=True):
    """A finding that somebody knows of and has decided to live with until the end of the day `expires`, ISO 8601."""

    hypothesis: str
    function: str | None
    reason: str
    expires: str


class Impact(Struct, frozen=True, kw_only=True):
    """What would not have been waited for, would not have failed and would not have been paid without a cause, in the period.

    Each is None where these logs cannot tell. `share` is the largest part that one of them is of all: of the time that callers
    waited, of the bill, or of the requests, of which a failed one weighs as much as ten slow ones; 1 at most.
    """

    share: float
    ms: Measured | None = None
    failures: Measured | None = None
    usd: Measured | None = None


class Hypothesis(Struct, frozen=True, kw_only=True):
    """`suppressed` is the reason for which a supported one is to fail no gate; `impact` is None where logs cannot price it."""

    id: str
    title: str
    statement: str
    rank: int
    verdict: Verdict
    probability: float
    severity: Severity
    explains: list[SymptomKind]
    reason: Reason | None
    reason_text: str | None
    signs_for: list[Sign] = field(name="for", default_factory=list)
    signs_against: list[Sign] = field(name="against", default_factory=list)
    missing: list[Sign] = field(default_factory=list)
    refuted_by: str = ""
    settled_by: str = ""
    actions: list[Action] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    fingerprint: str = ""
    suppressed: str | None = None
    impact: Impact | None = None


# ── the results of measuring, bounded in size however many invocations there were ────────────────────────────────────


class HistogramBin(Struct, frozen=True):
    """Invocations of one function whose duration lies in [low_ms, high_ms)."""

    function: str | None
    low_ms: float
    high_ms: float
    n: int


class TimeBin(Struct, frozen=True):
    """One function's invocations that ended in [start, start + seconds)."""

    function: str | None
    start: int
    seconds: int
    n: int
    p50_ms: float | None
    p95_ms: float | None
    max_ms: float | None
    failed: int
    cold_starts: int


class Point(Struct, frozen=True):
    """A single invocation, kept for the pictures while there are few enough to draw each."""

    function: str | None
    time: int | None
    duration_ms: float
    outcome: Outcome
    cold: bool


class WaitBin(Struct, frozen=True):
    """Invocations that took [low_ms, high_ms) with their initialisation, of those that had one (`cold`) or of the others."""

    cold: bool
    low_ms: float
    high_ms: float
    n: int


class MemoryMarks(Struct, frozen=True):
    """High-water marks of a function's environments of one configured size; each environment counts once."""

    function: str | None
    size_mb: int
    environments: int
    p50_mb: float
    peak_mb: float


class AtOnce(Struct, frozen=True):
    """The most calls of one function at once within [start, start + seconds).

    Where calls are many they were only looked at every so many seconds.
    """

    function: str | None
    start: int
    seconds: int
    peak: int
    every_s: int | None = None


class Arrival(Struct, frozen=True):
    """When a function was first seen with another version (a deploy), runtime (a patch) or memory size (a setting)."""

    function: str | None
    time: int
    what: Literal["version", "runtime", "memory"]
    name: str


class Excerpt(Struct, frozen=True):
    """A log line quoted in the report, and where it stands. The text is as logged: escape and redact it where it lands.

    `message` is the figures in words where the line is a REPORT, whose text is not kept.
    """

    message: str
    source: str
    position: int
    time: int | None
    request_id: str | None


class ErrorGroup(Struct, frozen=True):
    """Errors of one function whose messages are the same once numbers, ids and quoted values are masked."""

    function: str
    fingerprint: str
    error_type: str | None
    lines: int
    failed: int
    evidence: str
    excerpts: list[Excerpt]


MomentKind = Literal[
    "change",
    "error-change",
    "memory-change",
    "episode-begin",
    "episode-end",
    "first-failure",
    "last-failure",
    "version",
    "version-gone",
    "memory",
    "memory-gone",
    "runtime",
    "runtime-gone",
]


class Moment(Struct, frozen=True, kw_only=True):
    """Something that happened to one function, in microseconds; `low` and `high` where the moment is an estimate.

    `name` is that of the version, memory size, runtime or error; `count` how many invocations failed so; `number` what the
    change amounted to.
    """

    kind: MomentKind
    time: int
    evidence: str
    low: int | None = None
    high: int | None = None
    name: str | None = None
    count: int | None = None
    number: Measured | None = None


AlarmSignal = Literal["duration.p95", "duration.max", "errors.rate", "errors.sum", "memory.max"]
# What a threshold was taken from: what is usual here, the middle between that and a slow episode, the timeout, AWS's advice,
# or nothing, where a single one is worth a look.
AlarmChoice = Literal["usual", "between", "limit", "recommended", "any"]


class Firing(Struct, frozen=True):
    """An alarm that would have gone off at `begin`, in seconds since 1970, and been on for so long."""

    begin: int
    seconds: int


class AlarmTrial(Struct, frozen=True):
    """What an alarm would have done on these logs; `outside` counts the firings outside the slow episode, if there was one."""

    watched_s: int
    firings: int
    outside: int
    on_s: int
    shown: list[Firing]
    evidence: str


class Alarm(Struct, frozen=True, kw_only=True):
    """An alarm that is on while `needed` of the last `periods` periods lie above `threshold`, in ms, MB, a share or a count.

    `basis` is the number that the threshold was taken from. `trial` is None where no call has a time or, for errors, none
    has a known outcome.
    """

    signal: AlarmSignal
    threshold: float
    choice: AlarmChoice
    basis: float | None
    period_s: int
    needed: int
    periods: int
    episode_begin: int | None
    trial: AlarmTrial | None


class FunctionMeasurements(Struct, frozen=True):
    """`metrics` are over all invocations; `breaches` one per threshold; `slices` everything over a narrower population.

    `behind` are lines that show best what each symptom would be about, whether or not it reaches a limit. `impacts` are by the
    id of the hypothesis, whatever its verdict.
    """

    name: str
    invocations: int
    metrics: dict[str, Measured]
    breaches: list[Measured]
    slices: list[Measured]
    runtimes: list[str]
    versions: list[str]
    memory_sizes: list[int]
    region: str | None
    errors: list[ErrorGroup]
    alarms: list[Alarm]
    behind: dict[SymptomKind, list[Excerpt]]
    moments: list[Moment] = field(default_factory=list)
    impacts: dict[str, Impact] = field(default_factory=dict)


class Flaw(Struct, frozen=True, kw_only=True):
    """Something missing, out of order or damaged in the logs: `k` of `n`, in words, with its query and some of its lines."""

    kind: str
    text: str
    k: int
    n: int
    evidence: str
    lines: list[Excerpt]


class Quality(Struct, frozen=True):
    """What was read, what was not understood, which facts these containers cannot carry, and what contradicts itself."""

    lines: int
    understood: int
    sources: list[Source]
    counts: dict[str, int]
    lacking: list[str]
    flaws: list[Flaw]
    broken: list[str]
    not_in_logs: list[str]


class Measurements(Struct, frozen=True):
    """Everything that was measured. `answers` are all rows that each query of `evidence` gave, by its id."""

    period: tuple[int | None, int | None]
    overall: FunctionMeasurements
    functions: list[FunctionMeasurements]
    histogram: list[HistogramBin]
    timeline: list[TimeBin]
    points: list[Point]
    waits: list[WaitBin]
    marks: list[MemoryMarks]
    levels: list[AtOnce]
    arrivals: list[Arrival]
    evidence: dict[str, Evidence]
    quality: Quality
    answers: dict[str, list[dict[str, object]]]


# ── comparing two periods ────────────────────────────────────────────────────────────────────────────────────────────

# "open": it was shown before, and these logs cannot show it either way.
State = Literal["new", "worse", "fixed", "better", "open", "unchanged"]
STATES: tuple[State, ...] = ("new", "worse", "fixed", "better", "open", "unchanged")


class Move(Struct, frozen=True, kw_only=True):
    """One number of one function before and after. `change` is after over before, of shares after less before, with its interval.

    `q` is the false discovery rate among all comparisons at which the change would still count; `state` says whether it does,
    and whether it is large enough to be worth a word.
    """

    function: str
    metric: str
    state: State
    before: Measured
    after: Measured
    by: Literal["ratio", "difference"]
    change: float | None
    low: float | None
    high: float | None
    q: float | None
