"""What people ask of a finished report or of a lake: explain a number, verify them all, tell two reports apart, why this one.

A report is read as it stands in report.json, by people and by other tools, so nothing here needs what made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from analyzer import figures
from analyzer.errors import NoInvocations, UserError
from analyzer.intake import Watcher
from analyzer.lake import Lake, text_literal
from analyzer.measure import COMPARED, Threshold, compare, span
from analyzer.model import Measured, Suppression
from analyzer.pipeline import Options, compose_report, rules_from
from analyzer.report import Earlier, changes, earlier, to_json
from analyzer.report.document import Changes, FunctionReport
from analyzer.report.earlier import digest
from analyzer.report.escape import code_span, markdown
from analyzer.report.evidence import POPULATION

Json = dict[str, Any]
MOST_LINES = 3


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
    evidence: Json = report["evidence"] | (report["earlier"] or {}).get("evidence", {})
    if number not in evidence:
        raise UserError(f"the report has no query {number}; its queries are q1 to q{len(report['evidence'])}")
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
        costs = (
            one
            for hypothesis in function["hypotheses"]
            for one in (hypothesis["impact"] or {}).values()
            if isinstance(one, dict)
        )
        for one in (*metrics, *function["slices"], *costs):
            yield function["name"], msgspec.convert(one, Measured)
    for function in (report["earlier"] or {}).get("functions", []):
        for one in function["numbers"]:
            yield f"{function['name']}, earlier", msgspec.convert(one, Measured)


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
        baseline=asked["baseline"],
        objectives=tuple(asked["objectives"]),
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
        before=_kept(report),
    )
    return list(_differences(report, json.loads(to_json(composed, redacted=asked["redacted"])), ""))


def _kept(report: Json) -> Earlier | None:
    """What the report keeps of an earlier file, under the digest that it has today; the file itself need not be at hand."""
    baseline = report["asked"]["baseline"]
    if baseline is None or span(baseline) is not None:
        return None
    kept = msgspec.convert(report["earlier"], Earlier)
    return replace(kept, sha256=digest(kept))


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


def diff(before: Json, after: Json) -> Changes:
    """What is new, fixed, worse, better and unchanged from one report to another, by the fingerprints of the findings."""
    kept, later = (earlier(report, COMPARED, whole=True, where="the report") for report in (before, after))
    functions = msgspec.convert(after["functions"], list[FunctionReport])
    then, now = ({function.name: function.numbers for function in one.functions} for one in (kept, later))
    return changes(kept, functions, compare(then, now, after["headline"]))


def as_markdown(changes: Changes) -> str:
    """The two tables of a comparison; a tilde where a number did not move beyond chance."""
    lines = ["## Findings", "", "| state | function | finding | before | after |", "|---|---|---|---|---|"]
    for one in changes.findings:
        lines.append(_row(one.state, code_span(one.function), markdown(one.title), one.before, one.after))
    lines += ["", "## Numbers", "", "| function | metric | before | after | change | |", "|---|---|---|---|---|---|"]
    for move in changes.numbers:
        texts = [figures.write_measured(move.before), figures.write_measured(move.after), figures.write_move(move)]
        state = "~" if move.state == "unchanged" else move.state
        lines.append(_row(code_span(move.function), code_span(move.metric), *map(markdown, texts), state))
    for title, names in (("Only in the later report", changes.appeared), ("Only in the earlier report", changes.gone)):
        if names:
            lines += ["", f"{title}: {', '.join(code_span(name) for name in names)}."]
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
