"""A scenario in, logs with a known fault out: as text in a folder, or as a case whose rows can be had without the text."""

from __future__ import annotations

from pathlib import Path

from analyzer.simulate.case import Case, Truth
from analyzer.simulate.scenario import Scenario, pairs, ranges, scenarios
from analyzer.simulate.wrap import CONTAINERS

__all__ = ["CONTAINERS", "Case", "Scenario", "Truth", "pairs", "ranges", "scenarios", "simulate"]


def simulate(
    scenario: str,
    output: Path,
    seed: int = 1,
    *,
    invocations: int = 2_000,
    container: str = "s3-export",
    file: str = "tuning",
) -> Truth:
    """Write labelled logs of `scenario` into the empty folder `output`, with truth.json beside them.

    `invocations` events arrive; failed ones may be tried again, as the scenario has it. The same arguments give the same
    bytes. `file` names the ranges that the numbers of the case are drawn from. Raises UserError.
    """
    case = Case(scenario, seed, requests=invocations, file=file)
    case.write(output, container)
    return case.truth
