"""Lambda's JSON log format: the platform's events; all other objects are records of the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import msgspec

from analyzer.ingest.grammars import json_records, platform_text
from analyzer.ingest.grammars.json_records import Json
from analyzer.ingest.names import function_of_arn
from analyzer.model import (
    End,
    Event,
    Extension,
    Fault,
    InitReport,
    InitStart,
    PlatformNote,
    ReportLine,
    RestoreReport,
    RestoreStart,
    Start,
    Status,
)

STATUSES: frozenset[str] = frozenset(get_args(Status))


def parse(message: str) -> Event | None:
    """The event in a JSON object; None when the message is not one object."""
    record = json_records.record_of(message) if message.startswith("{") else None
    if record is None:
        return None
    kind = record.get("type")
    if isinstance(kind, str) and kind.startswith("platform."):
        return _platform(kind.removeprefix("platform."), record.get("record"))
    return json_records.parse(record, message)


def _platform(kind: str, record: object) -> Event | None:
    if kind == "fault" and isinstance(record, str):
        return platform_text.fault(record.strip()) or Fault(record.partition("\n")[0])
    if not isinstance(record, dict) or kind not in PLATFORM:
        return None
    try:
        return PLATFORM[kind](record)
    except (TypeError, ValueError, OverflowError, msgspec.ValidationError):
        return None


def _id(record: Json) -> str:
    return msgspec.convert(record.get("requestId"), str)


def _text(record: Json, key: str) -> str | None:
    value = record.get(key)
    return value if isinstance(value, str) else None


def _status(record: Json) -> Status | None:
    status = record.get("status")
    return msgspec.convert(status, Status) if status in STATUSES else None


def _start(record: Json) -> Event:
    return Start(
        _id(record), _text(record, "version"), _trace_id(record), function_of_arn(_text(record, "functionArn"))
    )


def _trace_id(record: Json) -> str | None:
    """The root of an X-Ray header, Root=1-...;Parent=...;Sampled=1."""
    tracing = record.get("tracing")
    header = _text(tracing, "value") if isinstance(tracing, dict) else None
    return header.partition(";")[0].removeprefix("Root=") if header else None


def _report(record: Json) -> Event:
    metrics = record.get("metrics") or {}
    return ReportLine(
        _id(record),
        duration_ms=_milliseconds(metrics.get("durationMs")),
        billed_ms=_milliseconds(metrics.get("billedDurationMs")),
        memory_mb=_megabytes(metrics.get("memorySizeMB")),
        max_memory_mb=_megabytes(metrics.get("maxMemoryUsedMB")),
        init_ms=_milliseconds(metrics.get("initDurationMs")),
        restore_ms=_milliseconds(metrics.get("restoreDurationMs")),
        billed_restore_ms=_milliseconds(metrics.get("billedRestoreDurationMs")),
        status=_status(record),
        error_type=_text(record, "errorType"),
        trace_id=_trace_id(record),
    )


def _milliseconds(value: object) -> float | None:
    if value is None:
        return None
    milliseconds = msgspec.convert(value, float)
    if not 0 <= milliseconds < platform_text.MOST_MILLISECONDS:
        raise ValueError(f"nothing takes {value} ms")
    return milliseconds


def _count(value: object) -> int | None:
    return None if value is None else int(msgspec.convert(value, float))


def _megabytes(value: object) -> int | None:
    if value is None:
        return None
    megabytes = int(msgspec.convert(value, float))
    if not 0 <= megabytes <= platform_text.MOST_MEGABYTES:
        raise ValueError(f"no environment has {value} MB")
    return megabytes


def _init_report(record: Json) -> Event:
    duration = _milliseconds((record.get("metrics") or {}).get("durationMs"))
    return InitReport(duration, _text(record, "phase"), _status(record), _text(record, "errorType"))


def _restore_report(record: Json) -> Event:
    duration = _milliseconds((record.get("metrics") or {}).get("durationMs"))
    return RestoreReport(duration, _status(record), _text(record, "errorType"))


def _extension(record: Json) -> Event:
    name, state = _text(record, "name"), _text(record, "state")
    return Extension(f"{name}: {state}", name, state, _text(record, "errorType"))


def _said_again(record: Json) -> Event:
    """The report that follows has the status and the duration too."""
    return PlatformNote("runtime done")


PLATFORM: dict[str, Callable[[Json], Event]] = {
    "start": _start,
    "runtimeDone": lambda record: End(_id(record), _status(record), _text(record, "errorType")),
    "end": lambda record: End(_id(record)),
    "report": _report,
    "initStart": lambda record: InitStart(
        _text(record, "runtimeVersion"),
        _text(record, "runtimeVersionArn"),
        _text(record, "functionName"),
        _text(record, "functionVersion"),
        concurrent=_text(record, "initializationType") == "lambda-managed-instances",
    ),
    "initRuntimeDone": _said_again,
    "initReport": _init_report,
    "restoreStart": lambda record: RestoreStart(_text(record, "runtimeVersion"), _text(record, "runtimeVersionArn")),
    "restoreRuntimeDone": _said_again,
    "restoreReport": _restore_report,
    "extension": _extension,
    "telemetrySubscription": _extension,
    "logsSubscription": _extension,
    "logsDropped": lambda record: PlatformNote("logs dropped", _count(record.get("droppedRecords"))),
}
