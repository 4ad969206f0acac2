"""The larger sample: 44 invocations of three functions, made so that its figures are those of the report it is modelled on.

Of the 44, 40 take longer than a minute. Over those 40: shortest 61.5 s, longest 247.3 s, mean 165.2 s, nearest-rank 95th
percentile 230.2 s. Nothing in the lines says why they are slow: no size of any input, no wait for anything.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from lambda_lines import Environment, Stream, digits, init_start, unique_id

SEED = 20260317
DAY = datetime(2026, 3, 17, tzinfo=UTC)
RUNTIME = "python:3.12.v89"
PIPELINE, AUTHENTICATION, EMAIL = (
    "data-processing-pipeline",
    "user-authentication-service",
    "email-notification-sender",
)

# Durations are hundredths of a millisecond, as REPORT prints two decimals and the mean has to be exact.
SHORTEST, LONGEST, SECOND_LONGEST, P95, MEAN = 61_512_47, 247_318_90, 238_641_02, 230_187_36, 165_200_00
PINNED = {PIPELINE: [LONGEST, SECOND_LONGEST, P95], AUTHENTICATION: [], EMAIL: [SHORTEST]}
# Seconds from, to, and how many. Two bands each that overlap those of the others, so that no function is one neat hump.
BANDS = {
    PIPELINE: ((118, 172, 6), (176, 227, 9)),
    AUTHENTICATION: ((92, 141, 5), (150, 214, 7)),
    EMAIL: ((66, 112, 4), (118, 189, 5)),
}


class Plan(NamedTuple):
    """One function: when its environments start and how many requests each serves, and what it says.

    `quick` are the requests that end within seconds, by environment and place; `memory` is the range of its peaks in MB.
    """

    function: str
    environments: tuple[tuple[str, int], ...]
    quick: frozenset[tuple[int, int]]
    memory: tuple[int, int]
    says: tuple[str, ...]


PLANS = (
    Plan(
        PIPELINE,
        (("08:04:11", 5), ("08:06:48", 4), ("12:37:02", 5), ("16:21:40", 4)),
        frozenset(),
        (221, 378),
        (
            "pipeline started",
            "source partition opened",
            "schema checked against the catalogue",
            "rows normalised",
            "aggregates computed",
            "results written",
        ),
    ),
    Plan(
        AUTHENTICATION,
        (("08:41:26", 5), ("11:58:09", 5), ("16:09:53", 4)),
        frozenset({(0, 3), (2, 1)}),
        (168, 262),
        (
            "directory synchronisation started",
            "policy bundle loaded",
            "group memberships resolved",
            "sessions revalidated",
            "directory synchronisation finished",
        ),
    ),
    Plan(
        EMAIL,
        (("09:30:04", 4), ("12:59:31", 4), ("16:48:17", 4)),
        frozenset({(0, 2), (1, 3)}),
        (141, 204),
        ("digest run started", "templates rendered", "messages handed over", "digest run finished"),
    ),
)

ADVICE = (
    "[WARNING]\t<time>\t<id>\tLAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. "
    "However, in rare cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed "
    "runtimes, runtime updates can be triggered by a function change, or can be applied automatically. To determine if the "
    "runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with a "
    "change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous "
    "runtime version. For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r\n"
)
TENANT_MISSING = (
    "[ERROR] KeyError: 'tenant_id'\nTraceback (most recent call last):\n"
    '\u00a0\u00a0File "/var/task/handler.py", line 41, in lambda_handler\n'
    '\u00a0\u00a0\u00a0\u00a0tenant = event["tenant_id"]'
)


def info(text: str) -> str:
    return f"[INFO]\t<time>\t<id>\t{text}\n"


class Chance:
    """Random numbers. Only `random()` is promised to be the same in every version of Python, so nothing else is used."""

    def __init__(self) -> None:
        self.draw = random.Random(SEED).random

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.draw()

    def shuffled(self, values: list[int]) -> list[int]:
        return sorted(values, key=lambda _: self.draw())


def slow_durations(chance: Chance) -> dict[str, Iterator[int]]:
    """The durations above a minute, a function each. What is not pinned is drawn, then moved as one to give the mean."""
    drawn = {
        function: [round(chance.between(low, high) * 100_000) for low, high, count in bands for _ in range(count)]
        for function, bands in BANDS.items()
    }
    pinned = [value for values in PINNED.values() for value in values]
    free = [value for values in drawn.values() for value in values]
    missing = MEAN * (len(free) + len(pinned)) - sum(free) - sum(pinned)
    move, rest = divmod(missing, len(free))
    durations = {function: [value + move for value in values] for function, values in drawn.items()}
    durations[PIPELINE][0] += rest
    return {function: iter(chance.shuffled(values + PINNED[function])) for function, values in durations.items()}


def streams() -> list[Stream]:
    """Every stream of the sample, in the order of functions and then of time."""
    chance = Chance()
    durations = slow_durations(chance)
    return [
        _environment(plan, number, begin, count, durations[plan.function], chance)
        for plan in PLANS
        for number, (begin, count) in enumerate(plan.environments)
    ]


def _environment(plan: Plan, number: int, begin: str, count: int, durations: Iterator[int], chance: Chance) -> Stream:
    hours, minutes, seconds = map(int, begin.split(":"))
    started = DAY + timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=int(chance.between(0, 999)))
    name = f"{DAY:%Y/%m/%d}/[$LATEST]{digits(f'{plan.function} {number}')}"
    environment = Environment(plan.function, name, started)
    environment.say(init_start(RUNTIME))
    used = 0
    for place in range(count):
        request_id = unique_id(f"{plan.function} {number} {place}")
        init = round(chance.between(400, 1300), 2) if place == 0 else None
        # An environment that waits much longer for work is taken down.
        environment.now += round(init) if init else round(chance.between(20_000, 1_300_000))
        # REPORT gives the peak of the environment so far, not of the request.
        used = max(used, round(chance.between(*plan.memory)))
        if (number, place) in plan.quick:
            _quick(environment, plan, request_id, used, chance)
        else:
            lines, at = _progress(plan, chance)
            environment.serve(request_id, *lines, at=at, duration=next(durations) / 100, used=used, init=init)
    return environment.written()


def _quick(environment: Environment, plan: Plan, request_id: str, used: int, chance: Chance) -> None:
    first = info(plan.says[0])
    if plan.function == EMAIL:
        duration = round(chance.between(2_200, 4_900), 2)
        lines = [first, info("no notifications are due, nothing to send")]
        environment.serve(request_id, *lines, at=(0.001, 0.98), duration=duration, used=used)
    else:
        duration = round(chance.between(2_000, 2_950), 2)
        environment.serve(
            request_id,
            *(first, ADVICE, TENANT_MISSING),
            at=(0.001, 0.99, 0.99),
            duration=duration,
            used=used,
            outcome="error",
            error_type="KeyError",
        )


def _progress(plan: Plan, chance: Chance) -> tuple[list[str], list[float]]:
    """The first and the last line, and most of those between, at shares of the duration."""
    first, *between, last = plan.says
    said = [text for text in between if chance.draw() < 0.7]
    shares = sorted(chance.between(0.02, 0.97) for _ in said)
    return [info(text) for text in (first, *said, last)], [0.0, *shares, 0.9999]
