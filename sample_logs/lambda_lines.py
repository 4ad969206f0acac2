"""Log events as Lambda writes them to CloudWatch, together with what a reader must make of them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class Event(NamedTuple):
    """One log event. `message` ends as CloudWatch keeps it: nearly always with a line feed, a Python traceback without."""

    time: int  # milliseconds since 1970 UTC
    message: str


class Truth(NamedTuple):
    """An invocation that was written, by the names of the lake's columns."""

    function: str | None
    request_id: str
    outcome: str
    error_type: str | None
    duration_ms: float
    init_ms: float | None
    restore_ms: float | None
    timeout_s: float | None
    memory_mb: int | None
    max_memory_mb: int | None
    complete: bool


class Stream(NamedTuple):
    """A log stream: what stands in it, how many of its events nobody can understand, and what must come out."""

    function: str
    name: str
    events: list[Event]
    not_understood: int
    invocations: list[Truth]


def milliseconds(time: datetime) -> int:
    return (time - EPOCH) // MILLISECOND


def iso(time: int) -> str:
    return f"{(EPOCH + time * MILLISECOND).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def digits(seed: str) -> str:
    """32 hexadecimal digits that look random and are the same for ever, as in a stream's name."""
    return hashlib.sha256(seed.encode()).hexdigest()[:32]


def unique_id(seed: str) -> str:
    """A request or task id that looks random and is the same for ever."""
    return str(uuid.UUID(digits(seed), version=4))


def init_start(runtime: str) -> str:
    arn = f"arn:aws:lambda:us-east-1::runtime:{digits(runtime)}{digits(runtime + ' arn')}"
    return f"INIT_START Runtime Version: {runtime}\tRuntime Version ARN: {arn}\n"


def report(
    request_id: str,
    duration: float,
    size: int | None,
    used: int,
    init: float | None = None,
    status: str | None = None,
    error_type: str | None = None,
) -> str:
    """REPORT as of 2026: the initialisation is billed, and the tab at the end gives way to a status."""
    # In hundredths, because what is just above a whole millisecond in binary must not be billed as one more.
    billed = -(-(round(duration * 100) + round((init or 0) * 100)) // 100)
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration:.2f} ms",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {size} MB",
        f"Max Memory Used: {used} MB",
    ]
    if init is not None:
        fields.append(f"Init Duration: {init:.2f} ms")
    if status:
        fields.append(f"Status: {status}")
    if error_type:
        fields.append(f"Error Type: {error_type}")
    return "\t".join(fields) + ("\n" if status else "\t\n")


class Environment:
    """Writes the log stream of one execution environment on a clock of its own, and keeps what must come out of it."""

    def __init__(self, function: str, stream: str, begin: datetime, size: int | None = 512) -> None:
        self.function = function
        self.stream = stream
        self.now = milliseconds(begin)
        self.size = size
        self.events: list[Event] = []
        self.not_understood = 0
        self.invocations: list[Truth] = []

    def say(self, message: str, request_id: str = "", after: int = 0, understood: bool = True) -> None:
        """An event `after` milliseconds. <time>, <second> and <id> in it become the time and the request it speaks of."""
        self.now += after
        time = iso(self.now)
        text = message.replace("<time>", time).replace("<second>", f"{time[:19]}Z").replace("<id>", request_id)
        self.events.append(Event(self.now, text))
        self.not_understood += not understood

    def expect(
        self,
        request_id: str,
        duration: float,
        used: int | None,
        *,
        outcome: str = "ok",
        error_type: str | None = None,
        init: float | None = None,
        restore: float | None = None,
        timeout: float | None = None,
    ) -> None:
        self.invocations.append(
            Truth(
                function=self.function,
                request_id=request_id,
                outcome=outcome,
                error_type=error_type,
                duration_ms=duration,
                init_ms=init,
                restore_ms=restore,
                timeout_s=timeout,
                memory_mb=self.size,
                max_memory_mb=used,
                complete=True,
            )
        )

    def lines(self, request_id: str, duration: float, lines: Sequence[str], at: Sequence[float] = ()) -> None:
        """START, the function's lines at these shares of the duration (evenly without), and END."""
        version = self.stream[self.stream.index("[") + 1 : self.stream.index("]")]
        self.say(f"START RequestId: {request_id} Version: {version}\n")
        begin = self.now
        for share, line in zip(at or [(n + 1) / (len(lines) + 1) for n in range(len(lines))], lines, strict=True):
            self.now = begin + round(duration * share)
            self.say(line, request_id)
        self.now = begin + round(duration)
        self.say(f"END RequestId: {request_id}\n")

    def serve(
        self,
        request_id: str,
        *lines: str,
        duration: float,
        used: int,
        at: Sequence[float] = (),
        init: float | None = None,
        status: str | None = None,
        platform_error: str | None = None,
        outcome: str = "ok",
        error_type: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """A whole invocation as of 2026. `platform_error` is what REPORT names, `error_type` what must come out."""
        self.lines(request_id, duration, lines, at)
        self.say(report(request_id, duration, self.size, used, init, status, platform_error))
        self.expect(
            request_id,
            duration,
            used,
            outcome=outcome,
            error_type=error_type or platform_error,
            init=init,
            timeout=timeout,
        )

    def written(self) -> Stream:
        return Stream(self.function, self.stream, self.events, self.not_understood, self.invocations)
