"""Two weeks of one simulated function, the second with a fault that the first did not have."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from analyzer.simulate import CONTAINERS, Case
from analyzer.simulate.fleet import simulate_fleet
from analyzer.simulate.lines import streams
from analyzer.simulate.story import Names
from analyzer.simulate.wrap import Wrapped

MONDAY_MS, WEEK_MS = 1_772_409_600_000, 7 * 86_400_000  # 2 March 2026
REQUESTS = 3_000


def write(scenario: str, folder: Path, seed: int = 3) -> Case:
    """Both weeks as exports; the case of which they are made says what is true of the second."""
    case = Case(scenario, seed, requests=REQUESTS)
    # A fault that is there from the first day of its week, in a function that nobody deploys meanwhile.
    steady = replace(case.parameters, days=7.0, onset=0.0, span=1.0, numbered=False, benign_deploys=0, lost_share=0.0)
    first = Names(case.run)
    for week, parameters in enumerate((replace(steady, **case.faults[0].without), steady)):
        run = simulate_fleet(parameters, case.chance + week, REQUESTS)
        names = Names(run)
        names.function, names.patch = first.function, first.patch
        _move(names, MONDAY_MS + week * WEEK_MS)
        target = folder / f"week-{week + 1}"
        target.mkdir(parents=True)
        CONTAINERS["s3-export"](Wrapped(target, names.function, names.task), list(streams(run, names)))
    return case


def _move(names: Names, begin: int) -> None:
    """The same run, begun at another time; the day in the name of a stream moves with it."""
    shift = timedelta(milliseconds=begin - names.begin)
    names.begin = begin
    names.streams = [
        f"{datetime.strptime(name[:10], '%Y/%m/%d') + shift:%Y/%m/%d}{name[10:]}" for name in names.streams
    ]
