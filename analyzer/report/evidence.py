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
from collections.abc import Callable, Iterator
from typing import Any

from analyzer import arrays
from analyzer.lake import Engine, Lake, steady
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


def evidence_files(report: Report, lake: Lake, mask: Callable[[str], str]) -> dict[str, bytes]:
    """Every file by its name. `report` is as it was composed; `mask` is put on whatever is written."""
    files: dict[str, bytes] = {}
    populations: dict[str, str | None] = {}
    with lake.open() as engine:
        for name, findings in list(_cited(report).items())[:MOST_QUERIES]:
            sql, known = report.evidence[name].sql, report.evidence[name].result
            heads = [f"-- {name}, behind {visible(mask(finding))}" for finding in findings]
            match = POPULATION.search(sql)
            if match and (condition := match["condition"]) not in populations:
                invocations = _invocations(engine, condition, mask)
                populations[condition] = None if invocations is None else f"{name}-invocations.csv"
                if invocations is not None:
                    files[f"{name}-invocations.csv"] = invocations
            if match and (place := populations[match["condition"]]):
                heads.append(f"-- about the invocations of {place}")
            files[f"{name}.sql"] = "\n".join([*heads, visible_lines(mask(sql.strip())), ""]).encode()
            # A short answer stands in the report, so that nothing has to be asked again.
            files[f"{name}.csv"] = (
                _cells(list(known[0]), known, mask) if known else _table(engine, sql, MOST_ROWS, mask)
            )
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


def _invocations(engine: Engine, condition: str, mask: Callable[[str], str]) -> bytes | None:
    # Loaded by then, and not where the pictures are drawn.
    from duckdb import Error

    try:
        return _table(
            engine,
            f"SELECT {', '.join(COLUMNS)} FROM invocations WHERE {condition} "
            "ORDER BY outcome IN ('ok', 'unknown'), duration_ms DESC NULLS LAST, source, position",
            MOST_INVOCATIONS,
            mask,
        )
    except Error:
        # A condition that goes on in the next line, as that on a name with a line break in it does, is none by itself.
        return None


def _table(engine: Engine, sql: str, most: int, mask: Callable[[str], str]) -> bytes:
    found = engine.connection.sql(sql).limit(most).to_arrow_table()
    return _cells(found.column_names, arrays.rows(found), mask)


def _cells(names: list[str], rows: list[dict[str, Any]], mask: Callable[[str], str]) -> bytes:
    return table(names, ([_cell(cell, mask) for cell in row.values()] for row in rows))


def _cell(cell: Any, mask: Callable[[str], str]) -> object:
    cell = steady(cell)
    if cell is None or isinstance(cell, (int, float)):
        return cell
    return mask(json.dumps(cell, default=str, ensure_ascii=False) if isinstance(cell, (list, dict)) else str(cell))
