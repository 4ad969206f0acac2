"""The platform's own lines in Lambda's text log format: START, END, REPORT, INIT_*, RESTORE_*, faults and timeouts.

Pasted and copied logs turn the tabs between fields into spaces, so fields are found by their labels, not by their tabs.
"""

from __future__ import annotations

import re

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
    TimedOut,
)

ID = r"(?P<id>[\w-]+)"
START = re.compile(rf"START RequestId: {ID}(?:\s+Version: (?P<version>\S+))?")
END = re.compile(rf"END RequestId: {ID}\s*$")
REPORT = re.compile(rf"REPORT RequestId:\s+{ID}\s+(?P<fields>Duration: .*|Init Duration: .*)", re.DOTALL)
RUNTIME = re.compile(r"Runtime Version: (?P<runtime>\S+)\s+Runtime Version ARN: (?P<arn>\S+)")
FAULT = re.compile(r"RequestId:\s*(?:''|(?P<id>[\w-]*)) (?:Error: )?(?P<message>[^\n]*)(?:\n(?P<type>[\w.]+))?")
TIMED_OUT = re.compile(rf"\S+ {ID} Task timed out after (?P<limit>\d+(?:\.\d+)?) seconds")
# Every field of REPORT, INIT_REPORT and RESTORE_REPORT. The labels overlap ("Duration" ends four of them), so the longest first.
# A number without its unit may be the beginning of a longer one, in a line that somebody cut.
FIELD = re.compile(
    r"(?P<label>(?P<duration>Billed Restore Duration|Billed Duration|Restore Duration|Init Duration|Duration)"
    r"|(?P<memory>Memory Size|Max Memory Used)|Status|Error Type|Phase|XRAY TraceId): ?"
    r"(?P<value>\S+?)(?(duration) ?ms\b|(?(memory) ?MB\b|(?=\s|$)))"
)
# What remains between the fields of a line that was read completely.
BETWEEN = re.compile(r"(?:\s|SegmentId: \S+|Sampled: \w+)*")
NUMBERS = (
    "Duration",
    "Billed Duration",
    "Init Duration",
    "Restore Duration",
    "Billed Restore Duration",
    "Memory Size",
    "Max Memory Used",
)
# No duration has more digits; what has is not a number that Lambda wrote.
NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
STATUSES: dict[str, Status] = {"success": "success", "failure": "failure", "error": "error", "timeout": "timeout"}
# Python's runtime prints this advice before an error it could not handle; it is no warning of the application.
ADVICE = "LAMBDA_WARNING"


def parse(message: str) -> Event | None:
    """The platform event in `message`; None when the platform did not write it or wrote it in a way that is not known."""
    first = message.partition(" ")[0].partition("\t")[0]
    if first in LINES:
        return LINES[first](message)
    if "Task timed out after " in message and (match := TIMED_OUT.match(message)):
        return TimedOut(match["id"], float(match["limit"]))
    return PlatformNote(message) if ADVICE in message[:200] else None


def _start(message: str) -> Event | None:
    match = START.match(message)
    return Start(match["id"], match["version"]) if match else None


def _end(message: str) -> Event | None:
    match = END.match(message)
    return End(match["id"]) if match else None


def _report(message: str) -> Event | None:
    match = REPORT.match(message)
    fields = _fields(match["fields"]) if match else None
    if match is None or fields is None or "Duration" not in fields:
        return None
    numbers = {label: _number(fields[label]) for label in NUMBERS if label in fields}
    if None in numbers.values():
        return None
    size, used = numbers.get("Memory Size"), numbers.get("Max Memory Used")
    return ReportLine(
        match["id"],
        duration_ms=numbers["Duration"],
        billed_ms=numbers.get("Billed Duration"),
        memory_mb=None if size is None else int(size),
        max_memory_mb=None if used is None else int(used),
        init_ms=numbers.get("Init Duration"),
        restore_ms=numbers.get("Restore Duration"),
        billed_restore_ms=numbers.get("Billed Restore Duration"),
        status=STATUSES.get(fields.get("Status", "")),
        error_type=fields.get("Error Type"),
        trace_id=fields.get("XRAY TraceId"),
    )


def _fields(text: str) -> dict[str, str] | None:
    """Labels and values; None when anything else stands between them, as in a line that only looks like one."""
    fields: dict[str, str] = {}
    position = 0
    for match in FIELD.finditer(text):
        if not BETWEEN.fullmatch(text, position, match.start()) or match["label"] in fields:
            return None
        if match["label"] == "Status" and match["value"] not in STATUSES:
            return None
        fields[match["label"]] = match["value"]
        position = match.end()
    return fields if BETWEEN.fullmatch(text, position) else None


def _init_start(message: str) -> Event | None:
    match = RUNTIME.search(message)
    return InitStart(match["runtime"], match["arn"]) if match else None


def _restore_start(message: str) -> Event | None:
    match = RUNTIME.search(message)
    return RestoreStart(match["runtime"], match["arn"]) if match else RestoreStart()


def _init_report(message: str) -> Event | None:
    fields = _fields(message.removeprefix("INIT_REPORT"))
    if not fields or "Init Duration" not in fields:
        return None
    status = STATUSES.get(fields.get("Status", ""))
    return InitReport(_number(fields["Init Duration"]), fields.get("Phase"), status, fields.get("Error Type"))


def _restore_report(message: str) -> Event | None:
    fields = _fields(message.removeprefix("RESTORE_REPORT"))
    if not fields or "Restore Duration" not in fields:
        return None
    status = STATUSES.get(fields.get("Status", ""))
    return RestoreReport(_number(fields["Restore Duration"]), status, fields.get("Error Type"))


def _number(text: str) -> float | None:
    return float(text) if NUMBER.fullmatch(text) else None


def _fault(message: str) -> Event | None:
    match = FAULT.match(message)
    return Fault(match["message"].strip(), match["id"] or None, match["type"]) if match else None


def _extension(message: str) -> Event | None:
    fields = dict(part.split(": ", 1) for part in message.strip().split("\t")[1:] if ": " in part)
    return Extension(message.strip(), fields.get("Name"), fields.get("State"), fields.get("Error Type"))


LINES = {
    "START": _start,
    "END": _end,
    "REPORT": _report,
    "INIT_START": _init_start,
    "INIT_REPORT": _init_report,
    "RESTORE_START": _restore_start,
    "RESTORE_REPORT": _restore_report,
    "RequestId:": _fault,
    "EXTENSION": _extension,
    "LOGS": _extension,
    "TELEMETRY": _extension,
    "IMAGE": _extension,
}
