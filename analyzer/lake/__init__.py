"""The lake: plain Parquet in three folders, readable by anything, and the engine that answers questions about it.

    LAKE/invocations/<commit>.parquet
    LAKE/events/<commit>.parquet
    LAKE/sources/<commit>.parquet      renamed into place last

A commit exists once its sources file does. Rows are first written to hidden files, so a process that dies on the way
leaves a lake that reads as if the files in hand had not been tried. A commit may take the rows of others over; its sources
file names those, and from then on they are not read.
"""

from analyzer.lake.columns import Columns, LineColumns, Texts
from analyzer.lake.engine import ENVIRONMENT, MOST_IN_MEMORY, Answer, Engine, steady, text_literal
from analyzer.lake.lake import Lake
from analyzer.lake.tables import EVENTS, INVOCATIONS, SOURCES, TABLES

__all__ = [
    "ENVIRONMENT",
    "EVENTS",
    "INVOCATIONS",
    "MOST_IN_MEMORY",
    "SOURCES",
    "TABLES",
    "Answer",
    "Columns",
    "Engine",
    "Lake",
    "LineColumns",
    "Texts",
    "steady",
    "text_literal",
]
