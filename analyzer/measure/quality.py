"""The books: what was read, what was not understood, and what these logs cannot tell."""

from __future__ import annotations

from analyzer.lake import Engine
from analyzer.measure.flaws import flaws
from analyzer.measure.scope import Scope
from analyzer.model import Quality, Source

# Facts that no log of a function carries, whatever container it came in.
NEVER_IN_LOGS = (
    "throttled invocations, which never reach the function",
    "the age and the loss of asynchronous events",
    "the configured timeout, unless a call ran into it",
    "reserved and provisioned concurrency",
    "the processor architecture, and with it the exact price",
    "CPU time, unless Lambda Insights logs it",
    "what callers saw: API Gateway status codes and their own timeouts",
)


def quality(engine: Engine, scope: Scope, broken: list[str]) -> Quality:
    """Counts over the whole lake for sources, over the window for invocations; `broken` comes from `consistency`."""
    sources = [
        Source(
            source=row["source"],
            sha256=row["sha256"],
            bytes=row["bytes"],
            container=row["container"],
            lines=row["lines"],
            understood=row["understood"],
            first_time=row["first_us"],
            last_time=row["last_us"],
            problems=row["problems"],
        )
        for row in engine.rows(
            "SELECT *, epoch_us(first_time) AS first_us, epoch_us(last_time) AS last_us FROM sources ORDER BY source"
        )
    ]
    (counts,) = engine.rows(f"""
SELECT count(*) AS invocations,
       count(*) FILTER (duration_ms IS NULL) AS start_without_report,
       count(*) FILTER (NOT complete AND duration_ms IS NOT NULL) AS report_without_start,
       count(*) FILTER (outcome = 'unknown') AS unknown_outcomes,
       count(*) FILTER (end_time IS NULL AND duration_ms IS NOT NULL) AS without_time,
       count(*) FILTER (stream IS NULL) AS without_stream,
       count(*) FILTER (function IS NULL) AS without_function,
       count(*) FILTER (memory_mb IS NULL AND duration_ms IS NOT NULL) AS without_memory
FROM invocations WHERE {scope.where}""")
    return Quality(
        lines=sum(source.lines for source in sources),
        understood=sum(source.understood for source in sources),
        sources=sources,
        counts=counts,
        lacking=_lacking(counts),
        flaws=flaws(engine, scope),
        broken=broken,
        not_in_logs=list(NEVER_IN_LOGS),
    )


def _lacking(counts: dict[str, int]) -> list[str]:
    """The facts that the containers at hand did not carry, and what follows from it."""
    n = counts["invocations"]
    sentences = (
        (
            "without_function",
            "Function names: {k} of {n} invocations belong to no named function; --function NAME names them.",
        ),
        ("without_time", "Times: {k} of {n} invocations have none, so nothing is said about when they ran."),
        (
            "without_stream",
            "Log streams: {k} of {n} invocations have none, so nothing is said about single environments.",
        ),
        (
            "unknown_outcomes",
            "Outcomes: the end of {k} of {n} invocations is not in these logs; unknown is not counted as success.",
        ),
        ("without_memory", "Memory: {k} of {n} reports state neither size nor use."),
        ("start_without_report", "REPORT lines: {k} of {n} invocations have none; their durations are unknown."),
        ("report_without_start", "START lines: {k} of {n} invocations have none."),
    )
    return [text.format(k=f"{counts[key]:,}", n=f"{n:,}") for key, text in sentences if counts[key]]
