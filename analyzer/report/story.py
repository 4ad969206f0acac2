"""The moments of all functions as one timeline, and the turns for the worse in it with what changed beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from analyzer.model import FunctionMeasurements, Measured, Moment, MomentKind
from analyzer.report.document import TimelineEntry, Turn

Iso = Callable[[int], str]
SETTINGS: tuple[MomentKind, ...] = ("version", "memory", "runtime")
# What a turn has to exceed to be one for the worse: ratios are over what was before, differences above it.
WORSE: dict[MomentKind, float] = {"change": 1.0, "error-change": 0.0, "episode-begin": 1.0}
# A version that is replaced goes within a minute before the next one comes: one row says both.
REPLACED = 60_000_000


def timeline(functions: list[FunctionMeasurements], iso: Iso) -> list[TimelineEntry]:
    """Everything that happened, in the order of time."""
    rows = [
        (moment.time, _entry(function.name, moment, iso))
        for function in functions
        for moment in function.moments
        if not _replaced(moment, function.moments)
    ]
    return [entry for _, entry in sorted(rows, key=lambda row: (row[0], row[1].function, row[1].kind))]


def _replaced(moment: Moment, moments: list[Moment]) -> bool:
    came = moment.kind.removesuffix("-gone")
    return came != moment.kind and any(
        one.kind == came and 0 <= one.time - moment.time <= REPLACED for one in moments
    )  # fmt: skip


def turns(functions: list[FunctionMeasurements], iso: Iso) -> list[Turn]:
    """Lasting changes and episodes for the worse, the earliest first."""
    found = [(moment.time, turn) for function in functions for moment, turn in _turns(function, iso)]
    return [turn for _, turn in sorted(found, key=lambda pair: (pair[0], pair[1].onset.function))]


def _turns(function: FunctionMeasurements, iso: Iso) -> Iterator[tuple[Moment, Turn]]:
    for moment in function.moments:
        if not _worse(moment):
            continue
        until = None
        if moment.kind == "episode-begin":
            until = next((iso(one.time) for one in function.moments if one.kind == "episode-end"), None)
        low, high = moment.low or moment.time, moment.high or moment.time
        near = [
            _entry(function.name, one, iso)
            for one in function.moments
            if one.kind in SETTINGS and low <= one.time <= high
        ]
        yield moment, Turn(_entry(function.name, moment, iso), until, near)


def _worse(moment: Moment) -> bool:
    number: Measured | None = moment.number
    return (
        moment.kind in WORSE
        and number is not None
        and number.value is not None
        and number.value > WORSE[moment.kind]
    )  # fmt: skip


def _entry(function: str, moment: Moment, iso: Iso) -> TimelineEntry:
    return TimelineEntry(
        at=iso(moment.time),
        function=function,
        kind=moment.kind,
        evidence=moment.evidence,
        earliest=None if moment.low is None else iso(moment.low),
        latest=None if moment.high is None else iso(moment.high),
        name=moment.name,
        count=moment.count,
        number=moment.number,
    )
