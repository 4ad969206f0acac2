"""Calls as the text that Lambda writes to CloudWatch, as of 2026.

Initialisation is billed, REPORT carries a status when the call did not end by itself, and no line says that a call timed
out but REPORT.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from analyzer.simulate.fleet import Call, Environment, Run
from analyzer.simulate.speech import MISSING_MODULE
from analyzer.simulate.story import Names, epoch_at, failed_start, story

KILLED = "Runtime exited with error: signal: killed"


class Event(Struct, frozen=True):
    """A log event: `time` in ms since 1970, and the message as CloudWatch keeps it."""

    time: int
    message: str


class Stream(Struct, frozen=True):
    """A log stream, events in the order in which they were written."""

    name: str
    events: list[Event]


def streams(run: Run, names: Names) -> Iterator[Stream]:
    """The log streams of a run, one for each environment, the oldest first."""
    served: list[list[Call]] = [[] for _ in run.environments]
    for call in run.calls:
        served[call.environment].append(call)
    for environment, calls in zip(run.environments, served, strict=True):
        yield Stream(names.streams[environment.number], list(_stream(run, names, environment, calls)))


def platform_error(names: Names, call: Call) -> str | None:
    """The Error Type on REPORT."""
    if call.ended == "init_failure":
        return MISSING_MODULE
    if call.ended == "out_of_memory":
        return "Runtime.OutOfMemory" if names.voice.silent_when_killed else "Runtime.ExitError"
    return None


def billed_ms(call: Call) -> int:
    """Duration and initialisation together, rounded up; in hundredths, where nothing is lost to binary fractions."""
    return -(-(round(call.duration_ms * 100) + round((call.init_ms or 0.0) * 100)) // 100)


def killed(names: Names, call: Call) -> str | None:
    """The line of the platform about a process that it killed, where the runtime leaves one."""
    if call.ended != "out_of_memory" or names.voice.silent_when_killed:
        return None
    return f"RequestId: {names.requests[call.request]} Error: {KILLED}\nRuntime.ExitError\n"


def init_start(names: Names, patch: int) -> str | None:
    runtime = names.runtime(patch)
    return (
        f"INIT_START Runtime Version: {runtime}\tRuntime Version ARN: {names.runtime_arn(patch)}\n" if runtime else None
    )


def init_reports(call: Call) -> tuple[str, ...]:
    """Lines about an initialisation that failed, with its repetition, or that ran out of time."""
    if call.suppressed_ms is None:
        return ()
    if call.ended == "init_failure":
        status = f"Status: error\tError Type: {MISSING_MODULE}\n"
        return tuple(
            f"INIT_REPORT Init Duration: {took:.2f} ms\tPhase: {phase}\t{status}"
            for took, phase in ((call.suppressed_ms, "init"), (call.duration_ms * 0.97, "invoke"))
        )
    return (f"INIT_REPORT Init Duration: {10_000 + call.request % 1_000 / 100:.2f} ms\tPhase: init\tStatus: timeout\n",)


def _stream(run: Run, names: Names, environment: Environment, calls: list[Call]) -> Iterator[Event]:
    epoch = run.epochs[epoch_at(run, environment.born)]
    if started := init_start(names, epoch.patch):
        yield Event(names.begin + environment.born, started)
    for call in calls:
        begin, end = names.begin + call.begin, names.begin + call.end
        request_id = names.requests[call.request]
        start = f"START RequestId: {request_id} Version: {epoch.version}\n"
        if call.ended == "init_failure":
            # The repetition says everything before START.
            first, second = init_reports(call)
            for time, report in ((begin, first), (end, second)):
                yield Event(time, failed_start(names, time).message)
                yield Event(time, report)
            yield Event(end, start)
        else:
            for report in init_reports(call):
                yield Event(begin, report)
            yield Event(begin, start)
        for line in story(run, names, call):
            yield Event(line.time, line.message)
        if fault := killed(names, call):
            yield Event(end, fault)
        yield Event(end, f"END RequestId: {request_id}\n")
        if not call.lost:
            yield Event(end, _report(run, names, call))


def _report(run: Run, names: Names, call: Call) -> str:
    fields = [
        f"REPORT RequestId: {names.requests[call.request]}",
        f"Duration: {call.duration_ms:.2f} ms",
        f"Billed Duration: {billed_ms(call)} ms",
        f"Memory Size: {call.memory_mb} MB",
        f"Max Memory Used: {call.used_mb} MB",
    ]
    if call.init_ms is not None:
        fields.append(f"Init Duration: {call.init_ms:.2f} ms")
    error_type = platform_error(names, call)
    if call.ended == "timeout" or error_type:
        fields.append("Status: timeout" if call.ended == "timeout" else f"Status: error\tError Type: {error_type}")
    else:
        fields.append("")
    text = "\t".join(fields) + "\n"
    if run.parameters.tracing:
        trace, segment = names.trace(call)
        text += f"XRAY TraceId: {trace}\tSegmentId: {segment}\tSampled: true\t\n"
    return text
