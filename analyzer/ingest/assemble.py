"""Turns the events of execution environments into invocations.

One log stream is one execution environment, which serves one request at a time. A line without a request id belongs to
the request that is being served; where the container does not say which stream a line came from, only lines with an id
can be attributed.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from analyzer.ingest.attempts import Attempts
from analyzer.ingest.fingerprint import fingerprint
from analyzer.ingest.names import function_of
from analyzer.model import (
    ApplicationLine,
    End,
    Event,
    EventKind,
    Extension,
    Fault,
    InitReport,
    InitStart,
    Invocation,
    NotableLine,
    Outcome,
    PlatformNote,
    Record,
    ReportLine,
    RestoreReport,
    RestoreStart,
    Start,
    Status,
    TimedOut,
)

# A message in the lake is cut here; a stack beyond it says nothing new.
LONGEST_MESSAGE = 4096
# Invocations that wait for a line that may still come, where nothing tells the environments apart.
MOST_WAITING = 1_000
# More invocations without a REPORT in one stream than this, and every line is looked at by itself.
MOST_UNREPORTED = 8
INIT_ERRORS = frozenset(
    {
        "Runtime.ImportModuleError",
        "Runtime.HandlerNotFound",
        "Runtime.UserCodeSyntaxError",
        "Runtime.MalformedHandlerName",
        "Runtime.InvalidEntrypoint",
        "Runtime.InvalidWorkingDir",
        "Runtime.InvalidTaskConfig",
        "Runtime.InitError",
        "Extension.InitError",
        "Extension.LaunchError",
    }
)
# What the platform says when a process ended without an answer.
CRASHES = ("Runtime exited", "Process exited", "fork/exec", "Extension exited")
KILLED = "signal: killed"
LATE = "Task timed out"
MEMORY_WORDS = (
    "fatal error: runtime: out of memory",
    "java.lang.OutOfMemoryError",
    "JavaScript heap out of memory",
    "failed to allocate memory (NoMemoryError)",
    "MemoryError",
)
# A process that is killed this close to its limit was killed by it. The high-water mark is sampled and may miss the peak.
FULL = 0.95


class Block(Struct, frozen=True):
    """Invocations in a row of which nothing is remarkable but single lines of the application."""

    uuids: NDArray[np.uint64]
    version: str
    first_has_init: bool
    lines: list[tuple[Record, ApplicationLine, str]]


class _Draft:
    """An invocation while its lines come in."""

    __slots__ = (
        "attempt", "end_time", "ended", "error_type", "fault", "init_failed", "last_words", "lines", "memory_words", "message",
        "nth", "position", "report", "request_id", "source", "start_time", "started", "status", "thrown", "timeout_s", "trace_id",
        "version",
    )  # fmt: skip

    def __init__(self, request_id: str, record: Record, source: str, attempt: int, nth: int) -> None:
        self.request_id = request_id
        self.attempt = attempt
        self.nth = nth
        self.source = source
        self.position = record.position
        self.start_time: int | None = None
        self.end_time: int | None = None
        self.started = False
        self.ended = False
        self.lines = 0
        self.last_words: tuple[Record, str] | None = None
        self.version: str | None = None
        self.trace_id: str | None = None
        self.report: ReportLine | None = None
        self.status: Status | None = None
        self.error_type: str | None = None
        self.message: str | None = None
        self.fault: Fault | None = None
        self.memory_words = False
        self.init_failed = False
        self.thrown = False
        self.timeout_s: float | None = None


class Environment:
    """What is known of one log stream."""

    __slots__ = (
        "beginning_seen",
        "concurrent",
        "drafts",
        "function",
        "init_failed",
        "log_group",
        "name",
        "nth",
        "runtime",
        "thrown",
        "version",
    )

    def __init__(self, name: str | None, log_group: str | None, function: str | None) -> None:
        self.name = name
        self.log_group = log_group
        self.function = function
        self.version: str | None = None
        self.runtime: str | None = None
        self.nth = 0
        self.beginning_seen = False
        # Lambda Managed Instances serve several requests at a time.
        self.concurrent = False
        # An initialisation that is repeated inside the first invocation prints before START.
        self.init_failed = False
        self.thrown: ApplicationLine | None = None
        self.drafts: dict[str, _Draft] = {}

    @property
    def current(self) -> _Draft | None:
        """The request being served, which only a stream of an environment that serves one at a time can tell."""
        serving = [draft for draft in self.drafts.values() if draft.report is None]
        if (self.name is None or self.concurrent) and len(serving) != 1:
            return None
        return serving[-1] if serving else None


class Assembler:
    """Takes the records of files that continue each other, in their order. `source` is the file in hand."""

    def __init__(self, whole: bool, fallback_function: str | None) -> None:
        """`whole`: the container carries every line of a stream, so that the absence of an error line means something."""
        self.source = ""
        self.whole = whole
        self.fallback_function = fallback_function
        self.environments: dict[tuple[str | None, str | None], Environment] = {}
        self.attempts = Attempts()
        self.invocations: list[Invocation] = []
        self.lines: list[NotableLine] = []

    def add(self, record: Record, event: Event | None) -> None:
        """Take one record and what its grammar made of it; None for a platform line that was not understood."""
        environment = self.environment(record.stream, record.log_group, record.function)
        match event:
            case ApplicationLine():
                self._application(environment, record, event)
            case ReportLine():
                self._report(environment, record, event)
            case Start():
                self._start(environment, record, event)
            case End():
                self._end(environment, record, event)
            case InitStart():
                environment.function = event.function or environment.function
                environment.version = event.version or environment.version
                environment.runtime = event.runtime or environment.runtime
                environment.concurrent = environment.concurrent or event.concurrent
                environment.beginning_seen = environment.beginning_seen or environment.nth == 0
                self._note(environment, record, "init", None, message=event.runtime_arn or record.message)
            case RestoreStart():
                environment.runtime = event.runtime or environment.runtime
                environment.beginning_seen = environment.beginning_seen or environment.nth == 0
                self._note(environment, record, "restore", None, message=event.runtime_arn or record.message)
            case InitReport():
                self._init_report(environment, record, event)
            case RestoreReport():
                self._note(environment, record, "restore", None, event.error_type)
            case Fault():
                self._fault(environment, record, event)
            case TimedOut():
                self._timed_out(environment, record, event)
            case Extension():
                self._note(environment, record, "extension", None, event.error_type)
            case PlatformNote():
                if event.dropped_records:
                    dropped = {"dropped_records": float(event.dropped_records)}
                    self._note(environment, record, "warning", None, fields=dropped)
            case None:
                self._note(environment, record, "unparsed", None)

    def foreign(self, position: int, text: str) -> None:
        """Take text that is no event, of whichever environment."""
        self._note(self.environment(None), Record(text, position), "unparsed", None)

    def _init_report(self, environment: Environment, record: Record, event: InitReport) -> None:
        failed = event.status not in (None, "success")
        if failed and event.phase == "invoke":
            environment.init_failed = True
        elif not environment.init_failed:
            # What was thrown so far ended this initialisation, which may go well when it is repeated for the first request.
            environment.thrown = None
        self._note(environment, record, "init", None, event.error_type)

    def environment(self, stream: str | None, log_group: str | None = None, function: str | None = None) -> Environment:
        key = (log_group or function, stream)
        environment = self.environments.get(key)
        if environment is None:
            named = function or function_of(log_group, stream) or self.fallback_function
            environment = Environment(stream, log_group, named)
            self.environments[key] = environment
        return environment

    def take(self) -> tuple[list[Invocation], list[NotableLine]]:
        """Hand over what has been collected so far and start afresh."""
        taken = self.invocations, self.lines
        self.invocations, self.lines = [], []
        return taken

    def finish(self) -> None:
        """No more lines will come: give out what is still waiting."""
        for environment in self.environments.values():
            for draft in environment.drafts.values():
                self._emit(environment, draft)
            environment.drafts.clear()

    def idle(self, environment: Environment) -> list[str] | None:
        """Ids of invocations that never got their REPORT, when nothing else from before can touch those that follow."""
        unreported = [draft.request_id for draft in environment.drafts.values() if draft.report is None]
        waits = environment.thrown or environment.init_failed or environment.concurrent
        return None if waits or len(unreported) > MOST_UNREPORTED else unreported

    def pass_by(self, environment: Environment, block: Block) -> tuple[int | None, NDArray[np.int32]]:
        """Let invocations go by that were read elsewhere, each complete and unremarkable.

        Gives the number of the first among those of its environment, if that is known, and their attempts.
        """
        for draft in [draft for draft in environment.drafts.values() if draft.report]:
            self._emit(environment, environment.drafts.pop(draft.request_id))
        environment.version = block.version
        if block.first_has_init and environment.nth == 0:
            environment.beginning_seen = True
        first = environment.nth + 1 if environment.name and environment.beginning_seen else None
        environment.nth += len(block.uuids)
        for record, event, request_id in block.lines:
            self._note_application(environment, record, event, event.request_id or request_id)
        return first, self.attempts.block(block.uuids)

    def _start(self, environment: Environment, record: Record, event: Start) -> None:
        self._release(environment, event.request_id)
        draft = self._new(environment, event.request_id, record)
        draft.started = True
        draft.start_time = record.time
        draft.version = event.version
        draft.trace_id = event.trace_id
        environment.function = event.function or environment.function
        environment.version = event.version or environment.version
        draft.init_failed, environment.init_failed = environment.init_failed, False
        if environment.thrown:
            self._throw(draft, environment.thrown)
            environment.thrown = None

    def _release(self, environment: Environment, request_id: str) -> None:
        """Give out the invocations that a START shows to be over: the same id again, and all reported ones before it."""
        if environment.name is None and request_id not in environment.drafts and len(environment.drafts) < MOST_WAITING:
            return
        for draft in [draft for draft in environment.drafts.values() if draft.report or draft.request_id == request_id]:
            self._emit(environment, environment.drafts.pop(draft.request_id))

    def _new(self, environment: Environment, request_id: str, record: Record) -> _Draft:
        if len(environment.drafts) >= MOST_WAITING:
            self._emit(environment, environment.drafts.pop(next(iter(environment.drafts))))
        attempt = self.attempts.next(request_id)
        environment.nth += 1
        draft = environment.drafts[request_id] = _Draft(request_id, record, self.source, attempt, environment.nth)
        return draft

    def _report(self, environment: Environment, record: Record, event: ReportLine) -> None:
        draft = environment.drafts.get(event.request_id)
        if draft is None or draft.report is not None:
            self._release(environment, event.request_id)
            draft = self._new(environment, event.request_id, record)
            draft.init_failed, environment.init_failed = environment.init_failed, False
        # A report of nothing but a duration is how Managed Instances end a call.
        if event.status and event.billed_ms is None and event.memory_mb is None:
            environment.concurrent = True
        draft.report = event
        draft.source, draft.position = self.source, record.position
        draft.end_time = record.time

    def _end(self, environment: Environment, record: Record, event: End) -> None:
        if draft := environment.drafts.get(event.request_id):
            draft.ended = True
            draft.status = draft.status or event.status
            draft.error_type = draft.error_type or event.error_type

    def _fault(self, environment: Environment, record: Record, event: Fault) -> None:
        draft = environment.drafts.get(event.request_id) if event.request_id else environment.current
        if draft:
            if draft.fault is None or draft.fault.error_type is None:
                draft.fault = event
            draft.message = draft.message or event.message
        self._note(environment, record, "fault", draft, event.error_type, event.request_id, essence=event.message)

    def _timed_out(self, environment: Environment, record: Record, event: TimedOut) -> None:
        draft = environment.drafts.get(event.request_id)
        if draft:
            # Before 2024 the platform noticed late: 2.02 seconds for a limit of 2. Limits are whole seconds.
            draft.timeout_s = float(int(event.limit_s))
            draft.message = draft.message or LATE
        self._note(environment, record, "timeout", draft, request_id=event.request_id, essence=LATE)

    def _application(self, environment: Environment, record: Record, event: ApplicationLine) -> None:
        draft = environment.drafts.get(event.request_id) if event.request_id else environment.current
        if draft:
            draft.lines += 1
            if event.level in ("error", "critical") or event.level is None:
                draft.memory_words = draft.memory_words or any(words in event.message for words in MEMORY_WORDS)
            if event.last_words and draft.last_words is None:
                draft.last_words = record, self.source
        if event.unhandled:
            if draft:
                self._throw(draft, event)
            elif environment.name is not None:
                environment.thrown = event
        self._note_application(environment, record, event, event.request_id or (draft.request_id if draft else None))

    def _note_application(
        self, environment: Environment, record: Record, event: ApplicationLine, request_id: str | None
    ) -> None:
        if event.level in ("error", "critical"):
            self._note(environment, record, "error", None, event.error_type, request_id, event.level)
        elif event.level == "warning":
            self._note(environment, record, "warning", None, event.error_type, request_id, event.level)
        elif event.fields and request_id is not None:
            self._note(
                environment,
                record,
                "fields",
                None,
                None,
                request_id,
                event.level,
                event.fields,
                function=event.function,
            )

    def _throw(self, draft: _Draft, event: ApplicationLine) -> None:
        draft.thrown = True
        draft.error_type = draft.error_type or event.error_type
        draft.message = draft.message or event.message

    def _note(
        self,
        environment: Environment,
        record: Record,
        kind: EventKind,
        draft: _Draft | None,
        error_type: str | None = None,
        request_id: str | None = None,
        level: str | None = None,
        fields: dict[str, float] | None = None,
        message: str | None = None,
        essence: str | None = None,
        function: str | None = None,
        source: str | None = None,
    ) -> None:
        """Keep a line. `message` is what is kept of it, `essence` what it has in common with others that mean the same."""
        text = (message or record.message)[:LONGEST_MESSAGE]
        told = kind in ("error", "fault", "timeout")
        self.lines.append(
            NotableLine(
                function=function or environment.function,
                version=environment.version,
                log_group=environment.log_group,
                stream=environment.name,
                request_id=request_id or (draft.request_id if draft else None),
                time=record.time,
                kind=kind,
                level=level,
                error_type=error_type,
                message=text,
                fingerprint=fingerprint(error_type, essence or text) if told else None,
                fields=fields,
                source=source or self.source,
                position=record.position,
            )
        )

    def _emit(self, environment: Environment, draft: _Draft) -> None:
        report = draft.report or ReportLine(draft.request_id)
        if report.init_ms is not None or report.restore_ms is not None:
            environment.beginning_seen = environment.beginning_seen or draft.nth == 1
        outcome = _outcome(draft, report, self.whole)
        failed = outcome not in ("ok", "unknown")
        error_type = report.error_type or draft.error_type or (draft.fault.error_type if draft.fault else None)
        message = draft.message
        if draft.last_words and outcome in ("crash", "out_of_memory"):
            # They say more than the platform, which saw no more than that the process ended.
            words, source = draft.last_words
            message = words.message
            self._note(environment, words, "error", draft, error_type, level="critical", source=source)
        end, duration = draft.end_time, report.duration_ms
        # The START line may come long before the work: an environment can be started ahead of its first request.
        start = end - round(duration * 1000) if end is not None and duration is not None else draft.start_time
        self.invocations.append(
            Invocation(
                function=environment.function,
                version=draft.version or environment.version,
                log_group=environment.log_group,
                stream=environment.name,
                request_id=draft.request_id,
                attempt=draft.attempt,
                start_time=start,
                end_time=end,
                outcome=outcome,
                error_type=error_type if failed else None,
                fingerprint=fingerprint(error_type, message or outcome) if failed else None,
                duration_ms=duration,
                billed_ms=report.billed_ms,
                init_ms=report.init_ms,
                restore_ms=report.restore_ms,
                billed_restore_ms=report.billed_restore_ms,
                memory_mb=report.memory_mb,
                max_memory_mb=report.max_memory_mb,
                timeout_s=_limit(draft, report) if outcome == "timeout" else None,
                runtime=environment.runtime,
                trace_id=report.trace_id or draft.trace_id,
                nth=draft.nth if environment.name and environment.beginning_seen else None,
                complete=draft.started and draft.report is not None,
                source=draft.source,
                position=draft.position,
            )
        )


def _limit(draft: _Draft, report: ReportLine) -> float | None:
    """The configured timeout: the platform names it, or cuts the duration at it."""
    if draft.timeout_s is not None or report.duration_ms is None:
        return draft.timeout_s
    return float(int(report.duration_ms / 1000)) or None


def _outcome(draft: _Draft, report: ReportLine, whole: bool) -> Outcome:
    """How an invocation ended. What the platform says outranks what the application says; silence is not success."""
    status = report.status or draft.status
    types = {report.error_type, draft.error_type, draft.fault.error_type if draft.fault else None}
    if status == "timeout" or draft.timeout_s is not None:
        return "timeout"
    if "Runtime.OutOfMemory" in types or _killed_at_limit(draft, report):
        return "out_of_memory"
    if draft.init_failed or types & INIT_ERRORS:
        return "init_failure"
    if draft.fault and draft.fault.message.startswith(CRASHES):
        return "crash"
    if status in ("error", "failure"):
        return "crash" if types & {"Runtime.ExitError", "Extension.Crash", "Extension.ExitError"} else "error"
    if draft.thrown or draft.error_type or draft.fault:
        return "error"
    if status == "success":
        return "ok"
    # START and REPORT alone may be all that somebody searched for; a line of the application shows that nothing was left out.
    readable = whole or (draft.ended and draft.lines > 0)
    return "ok" if draft.started and draft.report and readable else "unknown"


def _killed_at_limit(draft: _Draft, report: ReportLine) -> bool:
    if draft.fault is None:
        return False
    if draft.memory_words:
        return True
    if KILLED not in draft.fault.message:
        return False
    size, used = report.memory_mb, report.max_memory_mb
    return size is None or used is None or used >= FULL * size
