"""CSV whose cells a spreadsheet shows as they are: none is a formula, whichever separator the spreadsheet expects."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from analyzer.report.escape import visible

# What a spreadsheet takes for a formula when a cell begins with it, full-width forms too. A program that expects semicolons
# splits a cell at them, so that there a cell begins as well.
FORMULA = re.compile(r"(?P<before>(?:^|[;\"])\s*)(?=[=+\-@＝＋－＠])")


def inert(text: str) -> str:
    """`text` on one line, with an apostrophe before what would be calculated."""
    return FORMULA.sub(r"\g<before>'", visible(text))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as UTF-8 with a head; numbers stay numbers, None is an empty cell."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        [cell if cell is None or isinstance(cell, (int, float)) else inert(str(cell)) for cell in row] for row in rows
    )
    return written.getvalue().encode()
