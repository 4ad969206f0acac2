"""Reportline as a library: logs in, a report or a lake out.

from analyzer import add_logs, analyze, open_lake

analyze(["exported-logs/"], Path("report/"))
add_logs(["exported-logs/"], Path("lake/"))
fetch_logs(["/aws/lambda/checkout"], Path("lake/"), since="24h")
open_lake(Path("lake/")).invocations()        # a pandas DataFrame: one row an invocation
measurements(Path("lake/"))                   # and one row a number, with its interval

The columns stand in docs/library.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analyzer.intake import add_logs, fetch_logs, open_lake
    from analyzer.pipeline import Options, analyze, measurements, write_report

__version__ = "0.1.0"
__all__ = ["Options", "__version__", "add_logs", "analyze", "fetch_logs", "measurements", "open_lake", "write_report"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: the command line must answer --help without DuckDB and the rest.
    if name not in __all__:
        raise AttributeError(f"module 'analyzer' has no attribute {name!r}")
    if name in ("add_logs", "fetch_logs", "open_lake"):
        from analyzer import intake

        return getattr(intake, name)
    from analyzer import pipeline

    return getattr(pipeline, name)
