"""What people ask of a finished report or of a lake: explain a number, verify them all, tell two reports apart, why this one.

A report is read as it stands in report.json, by people and by other tools, so nothing here needs what made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from analyzer import figures
from analyzer.errors import NoInvocations, UserError
from analyzer.lake import Lake, text_literal
from analyzer.measure import Threshold
from analyzer.model import Measured, Suppression
from analyzer.pipeline import Options, Watcher, compose_report, rules_from
from analyzer.report import to_json
from analyzer.report.escape import code_span, markdown
from analyzer.report.evidence import POPULATION

SCHEMA = "reportline.report/1"
Json = dict[str, Any]
MOST_LINES = 3


def open_report(path: Path) -> Json:
    """A report.json as it was written. Raises UserError when it is none."""
    try:
        report = json.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise UserError(f"cannot read {path}: {problem.strerror}") from problem
    except ValueError as problem:
        raise UserError(f"{path} is no report.json: {problem}") from problem
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise UserError(f"{path} is no report.json of schema {SCHEMA}")
    return report


# ── explain ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Explained(Struct, frozen=True):
    """One query: the numbers that it gave, its rows while they are few, and where the lines behind it stand."""

    id: str
    sql: str
    numbers: list[str]
    rows: list[Json] | None
    lines: list[str]


def explain(report: Json, number: str, lake: Lake | None) -> Explained:
    """What stands behind one mark of a report. With a lake also the slowest invocations that it is about."""
    evidence: Json = report["evidence"]
    if number not in evidence:
        raise UserError(f"the report has no query {number}; its queries are q1 to q{len(evidence)}")
    found = evidence[number]
    numbers = [
        f"{where}: {measured.metric} = {figures.write_measured(measured)}, of {measured.population}"
        for where, measured in _numbers(report)
        if measured.evidence == number
    ]
    lines = list(_lines(found["sql"], lake)) if lake is not None else []
    return Explained(number, found["sql"].strip(), numbers, found.get("result"), lines)


def _numbers(report: Json) -> Iterator[tuple[str, Measured]]:
    """Every number of a report with the name of what it is about."""
    for function in [report["overall"], *report["functions"]]:
        metrics = (
            one for entry in function["metrics"].values() for one in (entry if isinstance(entry, list) else [entry])
        )
        for one in (*metrics, *function["slices"]):
            yield function["name"], msgspec.convert(one, Measured)


def _lines(sql: str, lake: Lake) -> Iterator[str]:
    match = POPULATION.search(sql)
    if match is None:
        return
    with lake.open() as engine:
        rows = engine.rows(f"""
SELECT request_id, duration_ms, outcome, source, position FROM invocations WHERE {match["condition"]}
ORDER BY duration_ms DESC NULLS LAST, source, position LIMIT {MOST_LINES}""")
    for row in rows:
        took = "" if row["duration_ms"] is None else figures.write(row["duration_ms"], "ms")
        yield f"{row['request_id']}  {took}  {row['outcome']}  {row['source']} at byte {row['position']}"


# ── verify ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def verify(report: Json, lake: Lake, rules: Path | None = None) -> list[str]:
    """Where the report differs from what the lake gives today, as paths with both values; empty when every number holds."""
    asked = report["asked"]
    options = Options(
        kind=report["kind"],
        since=asked["since"],
        until=asked["until"],
        thresholds=tuple(Threshold.parse(text) for text in asked["thresholds"]),
        redact=asked["redacted"],
        region=asked["region"],
        suppressions=tuple(msgspec.convert(asked["suppressions"], list[Suppression])),
    )
    composed, _ = compose_report(
        lake,
        rules_from(rules),
        options,
        Watcher(),
        subject=report["subject"],
        unreadable=report["quality"]["unreadable"],
    )
    return list(_differences(report, json.loads(to_json(composed, redacted=asked["redacted"])), ""))


def _differences(said: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(said, dict) and isinstance(found, dict):
        for key in {**said, **found}:
            yield from _differences(said.get(key), found.get(key), f"{path}.{key}" if path else key)
    elif isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
        for place, (one, other) in enumerate(zip(said, found, strict=True)):
            yield from _differences(one, other, f"{path}[{place}]")
    elif said != found:
        yield f"{path}: the report says {_short(said)}, the lake gives {_short(found)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


# ── diff ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

State = Literal["new", "worse", "fixed", "better", "unchanged"]
STATES: tuple[State, ...] = ("new", "worse", "fixed", "better", "unchanged")
# What two reports are told apart by: of each a larger value is worse.
COMPARED = ("failure.rate", "breach.rate", "duration.p50", "duration.p95", "cold_start.rate", "memory.peak_ratio.max")
HOLDS = ("supported", "weak")


class ChangedFinding(Struct, frozen=True):
    function: str
    title: str
    state: State
    before: str
    after: str


class ChangedNumber(Struct, frozen=True):
    """`state` is unchanged while the two intervals have anything in common."""

    function: str
    metric: str
    state: State
    before: Measured
    after: Measured


class Changes(Struct, frozen=True):
    findings: list[ChangedFinding]
    numbers: list[ChangedNumber]


def diff(before: Json, after: Json) -> Changes:
    """What is new, fixed, worse, better and unchanged from one report to another, by the fingerprints of the findings."""
    old, new = (
        {one["fingerprint"]: (function, one) for function in report["functions"] for one in function["hypotheses"]}
        for report in (before, after)
    )
    findings = []
    for fingerprint in {**old, **new}:
        was, now = old.get(fingerprint), new.get(fingerprint)
        held, holds = (found is not None and found[1]["verdict"] in HOLDS for found in (was, now))
        if held or holds:
            function, one = now or was or ({}, {})
            findings.append(
                ChangedFinding(
                    function["name"],
                    one["title"],
                    _finding_state(was, now, held, holds),
                    was[1]["verdict"] if was else "absent",
                    now[1]["verdict"] if now else "absent",
                )
            )
    findings.sort(key=lambda one: (STATES.index(one.state), one.function, one.title))
    return Changes(findings, list(_changed_numbers(before, after)))


Found = tuple[Json, Json] | None


def _finding_state(was: Found, now: Found, held: bool, holds: bool) -> State:
    if held != holds:
        return "new" if holds else "fixed"
    assert was is not None
    assert now is not None
    metric = next((sign["metric"] for sign in now[1]["for"] if sign["metric"]), None)
    pair = [found[0]["metrics"].get(metric) for found in (was, now)]
    if not all(isinstance(one, dict) for one in pair):
        return "unchanged"
    return _number_state(*(msgspec.convert(one, Measured) for one in pair))


def _number_state(before: Measured, after: Measured) -> State:
    limits = (before.low, before.high, after.low, after.high)
    if None in limits or before.value is None or after.value is None or before.value == after.value:
        return "unchanged"
    low, high, later_low, later_high = (limit for limit in limits if limit is not None)
    if later_low > high:
        return "worse"
    return "better" if later_high < low else "unchanged"


def _changed_numbers(before: Json, after: Json) -> Iterator[ChangedNumber]:
    old = {function["name"]: function for function in before["functions"]}
    for function in after["functions"]:
        if function["name"] not in old:
            continue
        for metric in COMPARED:
            pair = [_measured(one, metric, after["headline"]) for one in (old[function["name"]], function)]
            if pair[0] is not None and pair[1] is not None and None not in (pair[0].value, pair[1].value):
                state = _number_state(pair[0], pair[1])
                yield ChangedNumber(function["name"], metric, state, pair[0], pair[1])


def _measured(function: Json, metric: str, headline: str) -> Measured | None:
    entry = function["metrics"].get(metric)
    if isinstance(entry, list):
        entry = next((one for one in entry if one["threshold"] == headline), None)
    return None if entry is None else msgspec.convert(entry, Measured)


def as_markdown(changes: Changes) -> str:
    """The two tables of a comparison; a tilde where the intervals have something in common."""
    lines = ["## Findings", "", "| state | function | finding | before | after |", "|---|---|---|---|---|"]
    for one in changes.findings:
        lines.append(_row(one.state, code_span(one.function), markdown(one.title), one.before, one.after))
    lines += ["", "## Numbers", "", "| function | metric | before | after | |", "|---|---|---|---|---|"]
    for number in changes.numbers:
        texts = (markdown(figures.write_measured(one)) for one in (number.before, number.after))
        state = "~" if number.state == "unchanged" else number.state
        lines.append(_row(code_span(number.function), code_span(number.metric), *texts, state))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


# ── why ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Life(Struct, frozen=True):
    """One invocation: its row, its attempts, how it compares, what came before and after it in its environment, its lines."""

    row: Json
    attempts: list[Json]
    slower_than: float | None
    neighbours: list[Json]
    lines: list[Json]


NEIGHBOURS = 3


def why(lake: Lake, request_id: str) -> list[Life]:
    """The life of each attempt at a request. Raises NoInvocations when the lake has none by that id."""
    wanted = f"request_id = {text_literal(request_id)}"
    with lake.open() as engine:
        rows = engine.rows(f"SELECT * FROM invocations WHERE {wanted} ORDER BY end_time, attempt, source, position")
        if not rows:
            raise NoInvocations(f"the lake in {lake.folder} has no invocation with the request id {request_id}")
        lines = engine.rows(
            f"SELECT time, kind, level, error_type, message, source, position FROM events WHERE {wanted} "
            "ORDER BY time, source, position"
        )
        lives = []
        for row in rows:
            neighbours: list[Json] = []
            if row["stream"] is not None and row["end_time"] is not None:
                neighbours = engine.rows(f"""
WITH environment AS (
  SELECT request_id, end_time, duration_ms, init_ms, max_memory_mb, outcome, position,
         row_number() OVER (ORDER BY end_time, position) AS place
  FROM invocations WHERE stream = {text_literal(row["stream"])}
), here AS (
  SELECT place FROM environment WHERE position = {row["position"]} AND {wanted}
)
SELECT environment.* EXCLUDE (position) FROM environment, here
WHERE abs(environment.place - here.place) <= {NEIGHBOURS} ORDER BY environment.place""")
            lives.append(Life(row, rows, _rank(engine.rows(_rank_query(row))), neighbours, lines))
    return lives


def _rank_query(row: Json) -> str:
    name = row["function"]
    same = "function IS NULL" if name is None else f"function = {text_literal(name)}"
    duration = "NULL" if row["duration_ms"] is None else repr(row["duration_ms"])
    return (
        f"SELECT count(*) AS n, count(*) FILTER (duration_ms < {duration}) AS faster "
        f"FROM invocations WHERE {same} AND duration_ms IS NOT NULL"
    )


def _rank(rows: list[Json]) -> float | None:
    (row,) = rows
    return row["faster"] / row["n"] if row["n"] else None


TOLD = (
    "function", "version", "runtime", "start_time", "end_time", "error_type", "init_ms", "memory_mb", "max_memory_mb", "timeout_s",
    "trace_id", "stream", "nth",
)  # fmt: skip
LONGEST_LINE = 200


def told(life: Life) -> Iterator[str]:
    """A life in lines for a person. Log text in them is as logged: mask and defuse it where they land."""
    row = life.row
    yield f"{row['request_id']}, attempt {row['attempt']} of {len(life.attempts)}: {row['outcome']} after {_took(row)}"
    for name in TOLD:
        if row[name] is not None:
            yield f"  {name:14} {row[name]}"
    yield f"  {'line':14} {row['source']} at byte {row['position']}"
    if life.slower_than is not None:
        yield f"  slower than {figures.write(life.slower_than, 'share')} of the function's invocations"
    if len(life.neighbours) > 1:
        yield "  its environment:"
        for one in life.neighbours:
            mark = ">" if (one["request_id"], one["end_time"]) == (row["request_id"], row["end_time"]) else " "
            cold = "" if one["init_ms"] is None else f", cold ({figures.write(one['init_ms'], 'ms')})"
            memory = "" if one["max_memory_mb"] is None else f", {one['max_memory_mb']} MB"
            yield f"  {mark} {one['end_time']}  {one['request_id']}  {_took(one)}, {one['outcome']}{cold}{memory}"
    if life.lines:
        yield "  its lines:"
        for one in life.lines:
            text = " ".join(one["message"].split())[:LONGEST_LINE]
            yield f"    {one['time']}  {one['kind']}  {text}  ({one['source']} at byte {one['position']})"


def _took(row: Json) -> str:
    return "no REPORT" if row["duration_ms"] is None else figures.write(row["duration_ms"], "ms")
