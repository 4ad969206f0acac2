"""Writes the sample of every other kind of report into docs/sample-report/, from simulated logs. Run by `make golden`."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

from analyzer.pipeline import Options, analyze
from analyzer.simulate import simulate
from tests import weeks

# A dependency that was slow for eleven minutes, and a week in which the code began to fail.
EPISODE, FAILING = "downstream-episode", "application-error"
SEED = 1
# More than are drawn one by one, so that the charts stay small.
INVOCATIONS = 2_400
# What a folder gets only when it is asked for.
FORMATS = ("sarif", "junit", "slack")
REPORTS = {
    "incident": (EPISODE, Options(kind="incident", objectives=("99%<3s",), formats=FORMATS)),
    "postmortem": (EPISODE, Options(kind="postmortem", formats=FORMATS)),
    "weekly": (FAILING, Options(kind="weekly", objectives=("99.9%",), formats=FORMATS)),
}


def write(folder: Path, kinds: tuple[str, ...] = tuple(REPORTS), lake: Path | None = None) -> None:
    """A folder a kind, with every format there is. `lake` keeps what one kind was made from."""
    folder = folder.resolve()
    with tempfile.TemporaryDirectory() as temporary, contextlib.chdir(temporary):
        # Reports name their files as they were given: relative to here, so that they are the same everywhere.
        for kind in kinds:
            name, options = REPORTS[kind]
            if not Path(name).exists():
                if name == FAILING:
                    weeks.write(name, Path(name))
                else:
                    simulate(name, Path(name), SEED, invocations=INVOCATIONS)
            analyze([name], folder / kind, lake=lake, options=options)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
