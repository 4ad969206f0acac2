"""Calls as rows of the lake, without the way through text. A test holds that reading the text gives the same rows.

Two columns are this module's own: `source` and `position` name no file, and a fingerprint only tells what says the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from analyzer.model import EventKind, Invocation, Level, NotableLine, Outcome
from analyzer.simulate.fleet import Call, Run
from analyzer.simulate.lines import billed_ms, init_reports, killed, platform_error
from analyzer.simulate.speech import MISSING_MODULE
from analyzer.simulate.story import Line, Names, epoch_at, failed_start, story

SOURCE = "simulated"


def invocations(run: Run, names: Names) -> Iterator[Invocation]:
    """One row a call, in the order in which they began."""
    nth = [0] * len(run.environments)
    epochs = [run.epochs[epoch_at(run, environment.born)] for environment in run.environments]
    for position, call in enumerate(run.calls):
        nth[call.environment] += 1
        epoch = epochs[call.environment]
        error_type, gist = _failure(names, call)
        end = (names.begin + call.end) * 1000
        outcome: Outcome = "unknown" if call.lost else call.ended
        yield Invocation(
            function=names.function,
            version=epoch.version,
            log_group=None,
            stream=names.streams[call.environment],
            request_id=names.requests[call.request],
            attempt=call.attempt,
            start_time=(names.begin + call.begin) * 1000 if call.lost else end - round(call.duration_ms * 1000),
            end_time=None if call.lost else end,
            outcome=outcome,
            error_type=error_type,
            fingerprint=_fingerprint(error_type, gist) if gist else None,
            duration_ms=None if call.lost else call.duration_ms,
            billed_ms=None if call.lost else float(billed_ms(call)),
            init_ms=call.init_ms,
            restore_ms=None,
            billed_restore_ms=None,
            memory_mb=None if call.lost else call.memory_mb,
            max_memory_mb=None if call.lost else call.used_mb,
            timeout_s=float(run.timeout_s) if call.ended == "timeout" else None,
            runtime=names.runtime(epoch.patch),
            trace_id=names.trace(call)[0] if run.parameters.tracing and not call.lost else None,
            nth=nth[call.environment],
            complete=not call.lost,
            source=SOURCE,
            position=position,
        )


def notable_lines(run: Run, names: Names) -> Iterator[NotableLine]:
    """The events table: starts of environments, errors, warnings, faults, and lines with numbers."""
    position = 0

    def row(
        call: Call,
        time: int,
        message: str,
        kind: EventKind,
        level: Level | None = None,
        error_type: str | None = None,
        gist: str | None = None,
        fields: dict[str, float] | None = None,
        *,
        served: bool = True,
    ) -> NotableLine:
        """Until the first START of a stream nobody knows the request or the version."""
        nonlocal position
        position += 1
        return NotableLine(
            function=names.function,
            version=epoch.version if served else None,
            log_group=None,
            stream=names.streams[call.environment],
            request_id=names.requests[call.request] if served else None,
            time=time * 1000,
            kind=kind,
            level=level,
            error_type=error_type,
            message=message.rstrip(),
            fingerprint=_fingerprint(error_type, gist or "") if kind in ("error", "fault") else None,
            fields=fields,
            source=SOURCE,
            position=position,
        )

    def of(call: Call, line: Line, *, served: bool = True) -> NotableLine:
        assert line.kind is not None
        return row(
            call, line.time, line.message, line.kind, line.level, line.error_type, line.gist, line.fields, served=served
        )

    epochs = [run.epochs[epoch_at(run, environment.born)] for environment in run.environments]
    begun: set[int] = set()
    for call in run.calls:
        epoch = epochs[call.environment]
        if call.environment not in begun:
            begun.add(call.environment)
            if not names.voice.image:
                born = names.begin + run.environments[call.environment].born
                yield row(call, born, names.runtime_arn(epoch.patch), "init", served=False)
            failed = call.ended == "init_failure"
            for time, report in zip((call.begin, call.end), init_reports(call), strict=False):
                if failed:
                    yield of(call, failed_start(names, names.begin + time), served=False)
                yield row(
                    call, names.begin + time, report, "init", None, MISSING_MODULE if failed else None, served=False
                )
        if not (call.throttled or call.hung or call.cause or run.parameters.logs_size or call.ended == "out_of_memory"):
            continue
        for line in story(run, names, call):
            if line.kind:
                yield of(call, line)
        if fault := killed(names, call):
            yield row(call, names.begin + call.end, fault, "fault", None, "Runtime.ExitError", "out_of_memory")


def _failure(names: Names, call: Call) -> tuple[str | None, str | None]:
    """What a failed call is filed under: the type of its error and what it has in common with others."""
    if call.ended == "ok":
        return None, None
    if call.cause is not None:
        return names.voice.thrown(call.cause)[0], call.cause
    return platform_error(names, call), call.ended


def _fingerprint(error_type: str | None, gist: str) -> str:
    return hashlib.sha256(f"{error_type or ''}\x1f{gist}".encode()).hexdigest()[:12]
