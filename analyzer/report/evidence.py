"""The folder evidence/: the queries behind each finding, what they gave, and the invocations that they are about.

    evidence/q12.sql               the query, the findings that it stands behind, and which file holds its invocations
    evidence/q12.csv               its rows
    evidence/q12-invocations.csv   invocations of its population, those that failed first, then the slowest; written once
                                   for all queries about the same invocations

All of it is bounded, masked like the report, and inert in a spreadsheet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from analyzer import arrays
from analyzer.lake import INVOCATIONS, MOST_IN_MEMORY, Engine, Lake, steady, text_literal
from analyzer.report.document import Report
from analyzer.report.escape import visible, visible_lines
from analyzer.report.formats.csv_cells import table

# The names of its files, so that those of an earlier report do not lie among them.
FILE = re.compile(r"q\d+(-invocations)?\.(sql|csv)")
# The condition of a query as measuring writes it: up to the end of the line or what follows a condition.
POPULATION = re.compile(r"FROM invocations WHERE (?P<condition>[^\n]*?)(?= GROUP BY| ORDER BY|\n|$)")
SHOWN = ("supported", "weak")
MOST_QUERIES = 100
MOST_ROWS = 1_000
MOST_INVOCATIONS = 100
# Those that failed come first, and of these and of the others the slowest.
FAILED = "outcome NOT IN ('ok', 'unknown')"
SLOWEST = "duration_ms DESC NULLS LAST, source, position"
COLUMNS = (
    "request_id",
    "end_time",
    "outcome",
    "error_type",
    "duration_ms",
    "init_ms",
    "max_memory_mb",
    "source",
    "position",
)


def evidence_files(
    report: Report, answers: Mapping[str, list[dict[str, Any]]], lake: Lake, mask: Callable[[str], str]
) -> dict[str, bytes]:
    """Every file by its name. `report` is as it was composed, and `answers` what its queries gave when they were asked;
    `mask` is put on whatever is written.
    """
    files: dict[str, bytes] = {}
    cited = dict(list(_cited(report).items())[:MOST_QUERIES])
    about = {name: match["condition"] for name in cited if (match := POPULATION.search(report.evidence[name].sql))}
    # Of several queries about the same invocations the first names their file.
    names = {condition: f"{name}-invocations.csv" for name, condition in reversed(about.items())}
    with lake.open() as engine:
        populations = _populations(engine, list(names))
        for condition, rows in populations.items():
            files[names[condition]] = _table(COLUMNS, rows, mask)
        for name, findings in cited.items():
            sql = report.evidence[name].sql
            heads = [f"-- {name}, behind {visible(mask(finding))}" for finding in findings]
            if about.get(name) in populations:
                heads.append(f"-- about the invocations of {names[about[name]]}")
            files[f"{name}.sql"] = "\n".join([*heads, visible_lines(mask(sql.strip())), ""]).encode()
            rows = answers[name][:MOST_ROWS]
            # What gave no row has the names of its columns all the same.
            files[f"{name}.csv"] = _table(list(rows[0]) if rows else engine.connection.sql(sql).columns, rows, mask)
    return files


def _cited(report: Report) -> dict[str, list[str]]:
    """The queries behind findings, with the findings that each stands behind."""
    cited: dict[str, list[str]] = {}
    for finding, name in _findings(report):
        if finding not in cited.setdefault(name, []):
            cited[name].append(finding)
    return cited


def _findings(report: Report) -> Iterator[tuple[str, str]]:
    for function in report.functions:
        for one in function.hypotheses:
            for sign in [*one.signs_for, *one.signs_against] if one.verdict in SHOWN else []:
                if sign.evidence:
                    yield f"{one.id} of {function.name} ({one.verdict})", sign.evidence
    for issue in report.issues:
        for affected in issue.functions:
            for number in affected.numbers.values():
                yield f"{issue.kind}, {affected.function}", number.evidence


def _populations(engine: Engine, conditions: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The invocations to show of each condition that is one by itself.

    Which ones is found out from the few columns that put them in order; all their columns are read in one pass for all
    conditions, which leaves out whatever stands elsewhere.
    """
    # Loaded by then, and not where the pictures are drawn.
    from duckdb import Error

    engine.shorten()
    places: dict[str, list[dict[str, Any]]] = {}
    with _failed(engine, conditions):
        for condition in conditions:
            # A condition that goes on in the next line, as that on a name with a line break in it does, is none by itself.
            with suppress(Error):
                places[condition] = _first(engine, condition)
    wanted = {row["position"] for rows in places.values() for row in rows}
    if not wanted:
        return places
    # Several events may stand at one place of a file, so that the condition has to hold as well.
    shown = ", ".join(
        f"({condition}) AND {_among(rows)} AS shown_{i}" for i, (condition, rows) in enumerate(places.items())
    )
    found = arrays.rows(
        engine.table(
            f"SELECT {', '.join(COLUMNS)}, {shown} FROM invocations WHERE position IN ({', '.join(map(str, sorted(wanted)))}) "
            f"ORDER BY NOT ({FAILED}), {SLOWEST}"
        )
    )
    return {
        condition: [row for row in found if row[f"shown_{i}"]][:MOST_INVOCATIONS] for i, condition in enumerate(places)
    }


@contextmanager
def _failed(engine: Engine, conditions: Sequence[str]) -> Iterator[None]:
    """Keeps in memory what failed, which is all that most conditions need, unless that is much."""
    asked = engine.shortened(" ".join([*conditions, FAILED, SLOWEST]))
    columns = ", ".join(name for name in INVOCATIONS.names if name in asked)
    (row,) = engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {FAILED}")
    with engine.holding(FAILED, columns) if row["n"] <= MOST_IN_MEMORY else nullcontext():
        yield


def _first(engine: Engine, condition: str) -> list[dict[str, Any]]:
    """Where the invocations stand that come first."""
    found: list[dict[str, Any]] = []
    for outcomes in (FAILED, f"NOT ({FAILED})"):
        if len(found) < MOST_INVOCATIONS:
            found += engine.numbers(
                f"SELECT source, position FROM invocations WHERE {outcomes} AND ({condition}) "
                f"ORDER BY {SLOWEST} LIMIT {MOST_INVOCATIONS - len(found)}"
            )
    return found


def _among(places: Sequence[dict[str, Any]]) -> str:
    """SQL: whether a row stands at one of these places."""
    if not places:
        return "false"
    listed = ", ".join(f"({text_literal(row['source'])}, {row['position']})" for row in places)
    return f"(source, position) IN ({listed})"


def _table(columns: Sequence[str], rows: Sequence[dict[str, Any]], mask: Callable[[str], str]) -> bytes:
    return table(columns, ([_cell(row[column], mask) for column in columns] for row in rows))


def _cell(cell: Any, mask: Callable[[str], str]) -> object:
    cell = steady(cell)
    if cell is None or isinstance(cell, (int, float)):
        return cell
    return mask(json.dumps(cell, default=str, ensure_ascii=False) if isinstance(cell, (list, dict)) else str(cell))
