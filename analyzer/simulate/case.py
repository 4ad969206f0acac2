"""A case: a scenario that was run, its twin without the mechanism, and the truth that follows from comparing them."""

from __future__ import annotations

import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from analyzer.errors import UserError
from analyzer.model import Invocation, NotableLine
from analyzer.simulate import rows
from analyzer.simulate.fleet import Run, simulate_fleet
from analyzer.simulate.lines import Stream, billed_ms, streams
from analyzer.simulate.scenario import TOGETHER, Parameters, Scenario, draw, pairs, ranges, scenarios
from analyzer.simulate.story import Names, iso
from analyzer.simulate.wrap import CONTAINERS, Wrapped

# A fault that moves no number by this part is none that logs could show.
LEAST_EFFECT = 0.10
# Without start-up, for asking whether a tail or a bill is made of cold starts whatever the scenario was.
NO_STARTUP: dict[str, float | bool] = {"init_factor": 0.0, "first_factor": 0.0}


class Effect(Struct, frozen=True):
    """What the mechanism did to one number; `relative` is None where there was nothing without it."""

    with_fault: float
    without: float
    relative: float | None

    @property
    def manifest(self) -> bool:
        return self.relative is None or abs(self.relative) >= LEAST_EFFECT


class Cost(Struct, frozen=True):
    """What is there only because of a fault: waiting in milliseconds, failed calls, GB-seconds billed, and calls at all."""

    ms: float
    failures: int
    gb_seconds: float
    calls: int


class Truth(Struct, frozen=True, kw_only=True):
    """What is known of a case because it was made. Times are ISO 8601 in UTC; `begin` and `end` are those of the fault.

    `injects` are the hypotheses that are true, without that of a fault that did not show; `also` those that are true beside
    them. `manifest` says that every fault of the case showed. `costs` are by hypothesis: this run less one without its fault.
    """

    scenario: str
    sentence: str
    seed: int
    ranges: str
    function: str
    invocations: int
    manifest: bool
    injects: list[str]
    also: list[str]
    expects: dict[str, str]
    begin: str | None
    end: str | None
    effect: dict[str, Effect]
    costs: dict[str, Cost]
    parameters: dict[str, Any]


class Case:
    """`name` is a scenario's, or the names of two faults joined by "+". `file` is a file of ranges; `requests` how many events
    arrive, of which failed ones may come again.
    """

    def __init__(self, name: str, seed: int, *, requests: int = 2_000, file: str = "tuning") -> None:
        if file not in ranges():
            raise UserError(f"there is no file of ranges {file}; there are {', '.join(ranges())}")
        shelf = scenarios()
        parts = name.split(TOGETHER)
        for part in parts:
            if part not in shelf:
                raise UserError(f"there is no scenario {part}; there are {', '.join(shelf)}")
        if len(parts) > 1 and name not in pairs(file):
            raise UserError(f"{name} is no pair of faults that logs could tell apart")
        self.name = name
        self.seed = seed
        self.requests = requests
        self.file = file
        self.faults: list[Scenario] = [shelf[part] for part in parts]
        # Of its own for every scenario, or all of one seed would have the same runtime and the same requests.
        self.chance = seed << 32 | zlib.crc32(name.encode())
        self.parameters: Parameters = draw(name, file, self.chance)

    @cached_property
    def run(self) -> Run:
        return simulate_fleet(self.parameters, self.chance, self.requests)

    @cached_property
    def names(self) -> Names:
        return Names(self.run)

    @cached_property
    def twin(self) -> Run:
        """The same seed without any mechanism."""
        return self.without(*self.faults)

    def without(self, *faults: Scenario) -> Run:
        """The same seed without the mechanisms of these."""
        changes = {name: value for fault in faults for name, value in fault.without.items()}
        return self.intervened(changes) if changes else self.run

    def intervened(self, change: dict[str, float | bool]) -> Run:
        """The same seed with other parameters."""
        return simulate_fleet(replace(self.parameters, **change), self.chance, self.requests)

    @cached_property
    def truth(self) -> Truth:
        effect = effects(self.run, self.twin)
        # Of two faults each has to show by itself, beside the other.
        alone = {fault.sentence: self.twin if len(self.faults) == 1 else self.without(fault) for fault in self.faults}
        shown = [
            fault
            for fault in self.faults
            if any(one.manifest for one in effects(self.run, alone[fault.sentence]).values())
        ]
        injects = [one for fault in shown for one in fault.injects]
        also = {one for fault in shown for one in fault.accompanies}
        startup = effects(self.run, self.intervened(NO_STARTUP))
        if startup["p95_ms"].manifest or startup["gb_seconds"].manifest:
            also.add("cold-start")
        if any(call.ended == "out_of_memory" for call in self.run.calls):
            also.add("out-of-memory")
        if any(call.suppressed_ms for call in self.run.calls):
            also.add("init-failure")
        faulty = any(fault.without for fault in self.faults)
        return Truth(
            scenario=self.name,
            sentence=" ".join(fault.sentence for fault in self.faults),
            seed=self.seed,
            ranges=self.file,
            function=self.names.function,
            invocations=len(self.run.calls),
            manifest=len(shown) == len(self.faults),
            injects=injects,
            also=sorted(also - set(injects)),
            expects={name: verdict for fault in self.faults for name, verdict in fault.expects.items()},
            begin=iso(self.names.begin + self.run.onset) if faulty else None,
            end=iso(self.names.begin + self.run.until) if faulty else None,
            effect=effect,
            costs={
                name: costs(self.run, alone[fault.sentence])
                for fault in self.faults
                if fault.without
                for name in fault.injects
            },
            parameters=msgspec.structs.asdict(self.parameters),
        )

    def streams(self) -> list[Stream]:
        """The logs as text."""
        return list(streams(self.run, self.names))

    def rows(self) -> tuple[list[Invocation], list[NotableLine]]:
        """The logs as rows of the lake."""
        return list(rows.invocations(self.run, self.names)), list(rows.notable_lines(self.run, self.names))

    def write(self, folder: Path, container: str) -> None:
        """Logs and truth.json into a folder that is empty or not there. Raises UserError."""
        if container not in CONTAINERS:
            raise UserError(f"logs cannot be written as {container}; they can as {', '.join(CONTAINERS)}")
        try:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise UserError(
                    f"{folder} is not an empty folder; choose another, so that no other logs get among these"
                )
            folder.mkdir(parents=True, exist_ok=True)
            CONTAINERS[container](Wrapped(folder, self.names.function, self.names.task), self.streams())
            encoded = msgspec.json.format(msgspec.json.encode(self.truth), indent=2)
            (folder / "truth.json").write_bytes(encoded + b"\n")
        except OSError as problem:
            raise UserError(f"cannot write to {folder}: {problem.strerror}") from problem


def costs(run: Run, twin: Run) -> Cost:
    """What `run` has more than `twin`; less where it is negative."""
    return Cost(
        ms=round(_waited(run) - _waited(twin), 2),
        failures=_failed(run) - _failed(twin),
        gb_seconds=round(_gb_seconds(run) - _gb_seconds(twin), 6),
        calls=len(run.calls) - len(twin.calls),
    )


def effects(run: Run, twin: Run) -> dict[str, Effect]:
    """What callers wait (95th percentile), how many calls fail, what is billed (GB-s), and how full memory is (95th percentile)."""
    with_fault, without = _numbers(run), _numbers(twin)
    return {
        name: Effect(round(value, 6), round(without[name], 6), _relative(value, without[name]))
        for name, value in with_fault.items()
    }


def _numbers(run: Run) -> dict[str, float]:
    waited = np.array([call.end - call.due for call in run.calls])
    return {
        "p95_ms": float(np.quantile(waited, 0.95)),
        "error_rate": _failed(run) / len(run.calls),
        "gb_seconds": _gb_seconds(run),
        "memory_mb": float(np.quantile([call.used_mb for call in run.calls], 0.95)),
    }


def _waited(run: Run) -> float:
    """What REPORT lines add up to: initialisations and durations. Waiting for a free environment is in no log."""
    return sum(call.duration_ms + (call.init_ms or 0.0) for call in run.calls)


def _failed(run: Run) -> int:
    return sum(call.ended != "ok" for call in run.calls)


def _gb_seconds(run: Run) -> float:
    return sum(billed_ms(call) * call.memory_mb for call in run.calls) / 1000 / 1024


def _relative(value: float, without: float) -> float | None:
    if value == without:
        return 0.0
    return round(value / without - 1, 4) if without else None
