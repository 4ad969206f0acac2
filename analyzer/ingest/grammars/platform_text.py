"""The platform's own lines in Lambda's text log format: START, END, REPORT, INIT_*, RESTORE_*, faults and timeouts.

Pasted and copied logs turn the tabs between fields into spaces, so fields are found by their labels, not by their tabs.
"""

from __future__ import annotations

import re
from collections.abc import Callable

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
LATE = r"Task timed out after (?P<limit>\d+(?:\.\d+)?) seconds"
START = re.compile(rf"START RequestId: {ID}(?:\s+Version: (?P<version>\S+))?")
END = re.compile(rf"END RequestId: {ID}(?P<late>\s+{LATE})?\s*$")
REPORT = re.compile(rf"REPORT RequestId:\s+{ID}\s+(?P<fields>(?:Runtime |Init )?Duration: .*)", re.DOTALL)
# Datadog's extension writes END and REPORT itself, and how the call ended behind them.
ENDING = re.compile(rf"\s(?:(?P<late>{LATE})|Task failed: (?P<type>\S+))\s*$")
RUNTIME = re.compile(r"\w+ Runtime Version: (?P<runtime>\S+)(?:\s+Runtime Version ARN: (?P<arn>\S+))?")
FAULT = re.compile(
    r"RequestId:\s*+(?:(?:''|(?P<id>[\w-]+))\s++|(?<=\s))(?:Error: (?P<message>[^\n]*)(?:\n(?P<type>[\w.]+))?"
    r"|(?P<short>Process exited before completing request|Status: (?:error|failure)(?=\t|\s*$))"
    r"(?:\tErrorType: (?P<short_type>[\w.]+))?)"
)
# An application may begin a line in the same way. The platform names one of its types, or says one of these.
PLATFORM_TYPE = re.compile(r"(?:Runtime|Function|Extension|Sandbox)\.\w+")
PLATFORM_WORDS = ("Runtime exited", "fork/exec", "exit code", "Couldn't find valid bootstrap", "Extension exited")
# While an environment is initialised there is no request yet.
NO_REQUEST = "00000000-0000-0000-0000-000000000000"
TIMED_OUT = re.compile(rf"(?:RequestId: {ID} Error:|\S+ (?P<line_id>[\w-]+)) {LATE}")
EXTENSION = re.compile(
    r"(?:EXTENSION|LOGS|TELEMETRY)\s+Name: (?P<name>[^\t]+?)\s+State: (?P<state>[^\t]+?)"
    r"\s+(?:Events|Types): \[[^\]]*\](?:\s+Error Type: (?P<type>\S+))?\s*$"
)
IMAGE = re.compile(r"IMAGE\s+(?:Launch error: (?P<launch>[^\t\n]+)|(?P<config>Invalid task config: [^\t\n]+))")
# Every field of REPORT, INIT_REPORT and RESTORE_REPORT. The labels overlap ("Duration" ends four of them), so the longest first.
# A number without its unit may be the beginning of a longer one, in a line that somebody cut.
FIELD = re.compile(
    r"(?P<label>(?P<duration>(?:Billed Restore |Billed |Restore |Init |Post Runtime |Runtime )?Duration)"
    r"|(?P<memory>Memory Size|Max Memory Used)|Status|Error Type|Phase|XRAY TraceId): ?"
    r"(?P<value>\S+?)(?(duration) ?ms\b|(?(memory) ?MB\b|(?=\s|$)))"
)
# What remains between the fields of a line that was read completely.
BETWEEN = re.compile(r"(?:\s|SegmentId: \S+|Sampled: \w+)*")
NUMBERS = (
    "Duration",
    "Runtime Duration",
    "Billed Duration",
    "Init Duration",
    "Restore Duration",
    "Billed Restore Duration",
    "Memory Size",
    "Max Memory Used",
)
# No duration has more digits; what has is not a number that Lambda wrote.
NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
MOST_MILLISECONDS = 1e12
# Nor has any environment more memory than the lake has room to write down.
MOST_MEGABYTES = (1 << 31) - 1
STATUSES: dict[str, Status] = {"success": "success", "failure": "failure", "error": "error", "timeout": "timeout"}
# The platform's advice, which runtimes print through the application's logger; it is no warning of the application.
ADVICE = "LAMBDA_WARNING"
ADVISED = re.compile(rf"(?:(?:\[WARNING\]\s)?\S+Z\s[\w-]*\s(?:WARN\s+)?)?{ADVICE}\b")


def parse(message: str) -> Event | None:
    """The platform event in `message`; None when the platform did not write it or wrote it in a way that is not known."""
    first = message.partition(" ")[0].partition("\t")[0]
    if first in LINES:
        return LINES[first](message)
    if "Task timed out after " in message:
        return _timed_out(message)
    return PlatformNote(message) if ADVICE in message[:200] and ADVISED.match(message) else None


def _start(message: str) -> Event | None:
    match = START.match(message)
    return Start(match["id"], match["version"]) if match else None


def _end(message: str) -> Event | None:
    match = END.match(message)
    return End(match["id"], "timeout" if match["late"] else None) if match else None


def _report(message: str) -> Event | None:
    match = REPORT.match(message)
    if match is None:
        return None
    text, ending = match["fields"], None
    if " Task " in text and (ending := ENDING.search(text)):
        text = text[: ending.start()]
    fields = _fields(text)
    if fields is None:
        return None
    numbers = {label: _number(fields[label]) for label in NUMBERS if label in fields}
    # Of a call that did not end well Datadog's extension knows only the time until the runtime was done.
    duration = numbers.get("Duration", numbers.get("Runtime Duration"))
    if duration is None or None in numbers.values():
        return None
    size, used = numbers.get("Memory Size"), numbers.get("Max Memory Used")
    if max(size or 0, used or 0) > MOST_MEGABYTES:
        return None
    status, error_type = STATUSES.get(fields.get("Status", "")), fields.get("Error Type")
    if ending:
        status, error_type = "timeout" if ending["late"] else "error", ending["type"]
    return ReportLine(
        match["id"],
        duration_ms=duration,
        billed_ms=numbers.get("Billed Duration"),
        memory_mb=None if size is None else int(size),
        max_memory_mb=None if used is None else int(used),
        init_ms=numbers.get("Init Duration"),
        restore_ms=numbers.get("Restore Duration"),
        billed_restore_ms=numbers.get("Billed Restore Duration"),
        status=status,
        error_type=error_type,
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
    match = RUNTIME.match(message)
    return InitStart(match["runtime"], match["arn"]) if match else None


def _restore_start(message: str) -> Event | None:
    match = RUNTIME.match(message)
    return RestoreStart(match["runtime"], match["arn"]) if match else None


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


def fault(message: str) -> Fault | TimedOut | None:
    """What the platform says when a runtime ended, crashed, was killed or ran out of time; None for any other line."""
    match = FAULT.match(message)
    if match is None:
        return _timed_out(message)
    request_id = match["id"] if match["id"] != NO_REQUEST else None
    if match["short"]:
        return Fault(match["short"], request_id or None, match["short_type"])
    if late := _timed_out(message):
        return late
    if not (match["message"].startswith(PLATFORM_WORDS) or PLATFORM_TYPE.fullmatch(match["type"] or "")):
        return None
    return Fault(match["message"], request_id or None, match["type"])


def _timed_out(message: str) -> TimedOut | None:
    match = TIMED_OUT.match(message)
    return TimedOut(match["id"] or match["line_id"], float(match["limit"])) if match else None


def _extension(message: str) -> Event | None:
    match = EXTENSION.match(message)
    return Extension(message, match["name"], match["state"], match["type"]) if match else None


def _image(message: str) -> Event | None:
    """The container image could not be started."""
    match = IMAGE.match(message)
    return Fault(match["launch"] or match["config"]) if match else None


def _trace(message: str) -> Event | None:
    """The second line of a REPORT, where a copy made two of one."""
    return PlatformNote(message) if message.startswith("XRAY TraceId: ") else None


LINES: dict[str, Callable[[str], Event | None]] = {
    "START": _start,
    "END": _end,
    "REPORT": _report,
    "INIT_START": _init_start,
    "INIT_REPORT": _init_report,
    "RESTORE_START": _restore_start,
    "RESTORE_REPORT": _restore_report,
    "RequestId:": fault,
    "EXTENSION": _extension,
    "LOGS": _extension,
    "TELEMETRY": _extension,
    "IMAGE": _image,
    "XRAY": _trace,
}
