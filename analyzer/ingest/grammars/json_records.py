"""Records of the application in JSON: what runtimes, loggers and metric libraries write, one object a line.

Where a handler's exception was reported by the runtime, the platform says "success"; only the record says that it failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from analyzer.ingest.grammars.exceptions import DOTNET, JAVA, JAVA_FRAMES, logged_type, without_place
from analyzer.ingest.grammars.platform_text import ADVICE
from analyzer.ingest.grammars.wording import LEVELS, input_fields, text_fields
from analyzer.model import ApplicationLine, Level, PlatformNote

Json = Mapping[str, Any]
DECODE = msgspec.json.Decoder().decode
# The request id goes by a different key in each runtime and logger, and may stand in an object that carries the context.
REQUEST_ID = ("requestId", "AWSRequestId", "function_request_id", "FunctionRequestId", "request_id", "awsRequestId")
CONTEXTS = ("labels", "contextMap", "mdc", "context", "span")
LEVEL = ("level", "Level", "severity", "log_level", "levelname", "log.level")
# Pino and Bunyan write levels as numbers.
NUMBERED: dict[int, Level] = {10: "trace", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "critical"}
MESSAGE = ("message", "msg", "Message")
# An exception is named by a key of its own, or inside an object.
ERROR_TYPE = ("errorType", "exception_name", "error.type")
ERRORS = ("error", "err", "exception", "Exception")
NAMES = ("errorType", "name", "type", "Type")
# What Lambda Insights measured of a call. Bytes sent and received are no measure of the input and stay out.
INSIGHTS = (
    "cpu_total_time",
    "cpu_user_time",
    "cpu_system_time",
    "memory_utilization",
    "used_memory_max",
    "tmp_used",
    "threads_max",
    "fd_use",
)
# A metric of Datadog: when, which, its tags and its value.
DATADOG = {"e", "m", "t", "v"}
# The embedded metric format takes up to a hundred metrics in one document.
MOST_METRICS = 100


def record_of(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is; None for anything else."""
    try:
        record = DECODE(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def parse(record: Json, message: str) -> ApplicationLine | PlatformNote:
    """What a record says; `message` is the line it stands in."""
    said = _first(record, MESSAGE)
    if isinstance(said, str) and said.startswith(ADVICE):
        return PlatformNote(message)
    if record.get("event_type") == "performance" and "function_name" in record:
        return _insights(record, message)
    level = _level(record)
    unhandled, error_type = _unhandled(record, said, level)
    return ApplicationLine(
        message,
        level="error" if unhandled else level,
        request_id=_request_id(record),
        error_type=without_place(error_type or _error_type(record, said, level)),
        unhandled=unhandled,
        fields=_fields(record, said),
    )


def behind(prefix: ApplicationLine, text: str) -> ApplicationLine:
    """The line of a logger whose text is itself a record, as `console.log(JSON.stringify(...))` makes them.

    What a runtime wrote it would not have printed like that, so nothing in it is unhandled.
    """
    record = record_of(text)
    inner = parse(record, prefix.message) if record is not None else None
    if not isinstance(inner, ApplicationLine):
        return prefix
    return ApplicationLine(
        prefix.message,
        # `errorType` beside `errorMessage` is an error for the runtime alone; here the logger's word counts.
        inner.level if inner.level and not inner.unhandled else prefix.level,
        prefix.request_id or inner.request_id,
        inner.error_type,
        fields=inner.fields,
    )


def _unhandled(record: Json, said: object, level: Level | None) -> tuple[bool, str | None]:
    """Whether the runtime says with this record that a handler failed, and with what."""
    # Node.js puts the exception into `message`.
    if isinstance(said, dict) and "errorType" in said:
        return True, _text(said, "errorType")
    if "errorMessage" in record or "errorType" in record:
        # Python writes `log_level` for `level`. Go and custom runtimes print what they answer to the platform and no more.
        bare = "errorMessage" in record and "errorType" in record and "level" not in record
        if "message" not in record and (bare or "log_level" in record):
            return True, _text(record, "errorType")
    elif level == "error" and isinstance(said, str) and "errorType" not in record:
        # Java and .NET print the exception with its stack as a message.
        match = JAVA.match(said) if JAVA_FRAMES in said else DOTNET.match(said)
        if match:
            return True, match["type"]
    return False, None


def _insights(record: Json, message: str) -> ApplicationLine:
    """What Lambda Insights measured of a call, in a log group that all functions share."""
    fields = input_fields((name, record[name]) for name in INSIGHTS if name in record)
    return ApplicationLine(
        message, request_id=_request_id(record), fields=fields, function=_text(record, "function_name")
    )


def _text(record: Json, key: str) -> str | None:
    value = record.get(key)
    return value if isinstance(value, str) else None


def _first(record: Json, keys: tuple[str, ...]) -> object:
    for key in keys:
        if key in record:
            return record[key]
    return None


def _level(record: Json) -> Level | None:
    value = _first(record, LEVEL)
    if isinstance(value, str):
        return LEVELS.get(value.lower())
    return NUMBERED.get(value) if isinstance(value, int) else None


def _request_id(record: Json) -> str | None:
    return _named(record, REQUEST_ID) or _inside(record, CONTEXTS, REQUEST_ID)


def _error_type(record: Json, said: object, level: Level | None) -> str | None:
    if level in ("info", "debug", "trace"):
        return None
    if found := _named(record, ERROR_TYPE) or _inside(record, ERRORS, NAMES):
        return found
    return logged_type(said) if level in ("error", "critical") and isinstance(said, str) else None


def _named(record: Json, keys: tuple[str, ...]) -> str | None:
    """The first of some keys that holds a text."""
    for key in keys:
        if found := _text(record, key):
            return found
    return None


def _inside(record: Json, objects: tuple[str, ...], keys: tuple[str, ...]) -> str | None:
    """The same in objects that the record holds."""
    for name in objects:
        if isinstance(inner := record.get(name), dict) and (found := _named(inner, keys)):
            return found
    return None


def _fields(record: Json, said: object) -> dict[str, float]:
    if "_aws" in record and isinstance(record["_aws"], dict):
        return input_fields(_metrics(record), MOST_METRICS)
    if record.keys() == DATADOG:
        return {}
    parts = [record, *(part for part in (said, record.get("fields")) if isinstance(part, dict))]
    fields = input_fields(item for part in parts for item in part.items())
    return fields or (text_fields(said) if isinstance(said, str) else {})


def _metrics(record: Json) -> Iterator[tuple[str, object]]:
    """The numbers of a document in the embedded metric format. A metric that was put several times is an array: its sum."""
    for name, value in record.items():
        if isinstance(value, list) and value and all(type(one) in (int, float) for one in value):
            yield name, sum(value)
        else:
            yield name, value
