"""Where log shippers put a log line and what they know of it: the line, its time, its log group and stream, the function."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec
from msgspec import Struct

from analyzer.ingest.containers.json_stream import NO_JSON
from analyzer.ingest.containers.times import time_of
from analyzer.ingest.names import function_of_arn
from analyzer.model import Record

# The line as it came stands before what somebody made of it.
LINES = ("_raw", "@message", "message", "log", "body", "line", "event", "msg")
TIMES = ("@timestamp", "timestamp", "time", "_time", "date", "ts", "timeUnixNano", "Timestamp", "Date")
# Names without case, underscores and dots, by their end: aws.cloudwatch.log_group, __aws_cloudwatch_log_group, logGroupName.
GROUPS, STREAMS = ("loggroup", "loggroupname"), ("logstream", "logstreamname")
FUNCTIONS = ("lambdafunctionname", "awslambdaname", "faasname", "tagsfunctionname", "labelsfunctionname")
# By itself that may be any function, of the program too; at the top it is Lambda's.
FUNCTION = "functionname"
ARNS = ("lambdaarn", "functionarn", "faasid")
FILLING = re.compile(r"[^a-z]")
# What is nested deeper, or lies behind so many names, is not about the line.
DEEPEST, MOST_FACTS = 5, 200

Facts = dict[str, str]


class Place(Struct, frozen=True):
    """What was said about a line, by whatever names."""

    time: int | None
    stream: str | None
    log_group: str | None
    function: str | None

    def record(self, line: str, position: int) -> Record:
        return Record(line.rstrip(), position, self.time, self.stream, self.log_group, self.function)


def line_of(event: Mapping[str, object]) -> str | None:
    """The log line of an event; as JSON text where the shipper has parsed it."""
    inner = event.get("event")
    original = event.get("event.original") or (inner.get("original") if isinstance(inner, dict) else None)
    if isinstance(original, str):
        return original
    for name in LINES:
        value = event.get(name)
        if isinstance(value, str):
            return value
        if name == "body" and isinstance(value, dict) and isinstance(value.get("stringValue"), str):
            return str(value["stringValue"])
        if name in ("@message", "message") and isinstance(value, dict):
            try:
                return msgspec.json.encode(value).decode()
            except NO_JSON:
                return None
    return None


def facts_of(value: object, depth: int = 0, name: str = "") -> Facts:
    """Texts by their simplified names. Lists of {"key", "value"} count as objects, as do tags of the form key:value."""
    facts: Facts = {}
    if depth < DEEPEST:
        for key, one in _items(value):
            if isinstance(one, str):
                facts[name + FILLING.sub("", key.lower())] = one
            elif isinstance(one, (dict, list)):
                facts |= facts_of(one, depth + 1, name + FILLING.sub("", key.lower()))
            if len(facts) > MOST_FACTS:
                break
    return facts


def _items(value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [(str(key), one) for key, one in value.items()]
    items: list[tuple[str, object]] = []
    for one in value[:MOST_FACTS] if isinstance(value, list) else []:
        if isinstance(one, str) and ":" in one:
            items.append((one.partition(":")[0], one.partition(":")[2]))
        elif isinstance(one, dict) and isinstance(one.get("key"), str):
            inner = one.get("value")
            items.append((one["key"], inner.get("stringValue") if isinstance(inner, dict) else inner))
    return items


def place_of(facts: Facts, event: Mapping[str, object]) -> Place:
    """What the names of an event, and of what it lies in, say about its line."""
    time = None
    for name in TIMES:
        if (value := event.get(name)) is not None and (time := time_of(value)) is not None:
            break
    streams, groups, arns, functions = _names(tuple(facts))
    return Place(
        time,
        _first(facts, streams),
        _first(facts, groups),
        function_of_arn(_first(facts, arns)) or _first(facts, functions),
    )


@lru_cache(maxsize=1_000)
def _names(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Those of the names that mean the stream, the group, the ARN and the function: files repeat the same ones."""
    ends = (STREAMS, GROUPS, ARNS, FUNCTIONS)
    *others, functions = (tuple(name for name in names if name.endswith(some)) for some in ends)
    return *others, (*functions, FUNCTION)


def _first(facts: Facts, names: tuple[str, ...]) -> str | None:
    for name in names:
        if value := facts.get(name):
            return value
    return None
