"""Logs into a lake, and a lake that is there: what needs no report, so that it starts without the rooms that make one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from analyzer.errors import NoInvocations, UserError
from analyzer.ingest import Ingested, Period, Progress, Via, fetch, ingest
from analyzer.lake import Lake


class Watcher(Struct, frozen=True):
    """What a caller wants to hear while work goes on."""

    ingesting: Callable[[Progress], None] = lambda _: None
    stage: Callable[[str], None] = lambda _: None
    unreadable: Callable[[str], None] = lambda _: None


def add_logs(
    paths: list[str],
    lake: Path,
    *,
    function: str | None = None,
    watcher: Watcher = Watcher(),  # noqa: B008 -- frozen
    processes: int = 1,
) -> Ingested:
    """Add logs to a lake; the same logs a second time add nothing."""
    ingested = ingest(paths, Lake(lake), function=function, progress=watcher.ingesting, processes=processes)
    return _something(ingested, paths, watcher)


def fetch_logs(
    log_groups: list[str],
    lake: Path,
    *,
    since: str,
    until: str | None = None,
    now: datetime | None = None,
    via: Via = "filter",
    bucket: str | None = None,
    function: str | None = None,
    watcher: Watcher = Watcher(),  # noqa: B008 -- frozen
) -> Ingested:
    """Add what log groups of CloudWatch Logs hold to a lake; what is there already adds nothing.

    `since` and `until` are times, or spans that reach back from `now`, the present unless said otherwise, where the period ends
    without `until`. Raises UserError where AWS refuses, and NoInvocations where the groups hold no Lambda log of the period.
    """
    from analyzer.measure import reaching_back

    begin, end = reaching_back(now or datetime.now(UTC), since, until)
    period = Period(begin // 1_000, end // 1_000)
    if period.begin >= period.end:
        raise UserError("--since lies behind --until, or both are one time")
    ingested = fetch(
        log_groups, period, Lake(lake), via=via, bucket=bucket, function=function, progress=watcher.ingesting,
        told=watcher.stage,
    )  # fmt: skip
    if not ingested.read and not ingested.already_there and not ingested.skipped:
        raise NoInvocations(f"{' '.join(log_groups)} holds no event of {period}")
    return _something(ingested, log_groups, watcher)


def _something(ingested: Ingested, paths: list[str], watcher: Watcher) -> Ingested:
    """What was ingested, if it was anything at all."""
    for sentence in ingested.unreadable:
        watcher.unreadable(sentence)
    if not ingested.read and not ingested.already_there:
        raise nothing_read(paths, ingested)
    return ingested


def open_lake(folder: Path) -> Lake:
    """A lake that must be there; asking about one that is not is a slip of the pen."""
    if not (folder / "sources").is_dir():
        raise UserError(f"there is no lake in {folder}; `reportline ingest PATH --lake {folder}` makes one")
    return Lake(folder)


def nothing_read(paths: list[str], ingested: Ingested) -> Exception:
    """What to raise where nothing was there to read: whether that is a slip of the caller, or what the logs are like."""
    if ingested.unreadable:
        return UserError(ingested.unreadable[0])
    where = " ".join(paths)
    if not ingested.skipped:
        return NoInvocations(f"{where} holds no file")
    seen = f"{len(ingested.skipped)} files were" if len(ingested.skipped) > 1 else f"{ingested.skipped[0]} was"
    return NoInvocations(f"{where} holds no Lambda log: {seen} looked at and no START or REPORT line was found")
