"""Logs into a lake, and a lake that is there: what needs no report, so that it starts without the rooms that make one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from analyzer.errors import NoInvocations, UserError
from analyzer.ingest import Ingested, Progress, ingest
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
