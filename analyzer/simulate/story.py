"""The names of a case, and what the function says during a call: the ground on which text and rows both stand."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from analyzer.model import EventKind, Level
from analyzer.simulate.fleet import FIRST_PAUSE_MS, HOUR, Call, Environment, Run
from analyzer.simulate.scenario import generator
from analyzer.simulate.speech import MISSING_MODULE, Loudness, Voice

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
# A Monday; a case begins within the week after it.
FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = 168
FUNCTIONS = ("order-intake", "invoice-export", "thumbnail-maker", "stock-sync", "customer-search", "parcel-tracking")
RUNTIME_ARN = "arn:aws:lambda:us-east-1::runtime:"


class Line(Struct, frozen=True):
    """A line of the application at `time` (ms since 1970). `kind` is that of the notable ones; `gist` what they have in common."""

    time: int
    message: str
    kind: EventKind | None = None
    level: Level | None = None
    error_type: str | None = None
    gist: str | None = None
    fields: dict[str, float] | None = None


class Names:
    """Function, streams, request ids and runtime of a run: random to the eye, and the same for the same seed."""

    def __init__(self, run: Run) -> None:
        random = generator(run.seed, "names")
        self.voice = Voice.of(run.parameters.runtime)
        self.function = FUNCTIONS[int(random.integers(len(FUNCTIONS)))]
        self.begin = (FIRST_DAY - EPOCH) // MILLISECOND + int(random.integers(HOURS)) * HOUR
        self.task = _uuid(random.bytes(16))
        self.patch = 20 + int(random.integers(60))
        requests = max((call.request for call in run.calls), default=-1) + 1
        ids = generator(run.seed, "request ids").bytes(16 * requests)
        self.requests = [_uuid(ids[16 * number : 16 * number + 16]) for number in range(requests)]
        streams = generator(run.seed, "streams").bytes(16 * len(run.environments))
        self.streams = [
            self._stream(run, environment, streams[16 * number : 16 * number + 16].hex())
            for number, environment in enumerate(run.environments)
        ]

    def _stream(self, run: Run, environment: Environment, digits: str) -> str:
        born = EPOCH + (self.begin + environment.born) * MILLISECOND
        return f"{born:%Y/%m/%d}/[{run.epochs[epoch_at(run, environment.born)].version}]{digits}"

    def runtime(self, patch: int) -> str | None:
        """As INIT_START names it; container images have none."""
        if self.voice.image:
            return None
        return f"{self.voice.family}:{self.voice.version}.v{self.patch + patch}"

    def runtime_arn(self, patch: int) -> str:
        return RUNTIME_ARN + hashlib.sha256(f"{self.runtime(patch)}".encode()).hexdigest()

    def trace(self, call: Call) -> tuple[str, str]:
        """Trace and segment of a call."""
        digits = hashlib.sha256(f"{self.requests[call.request]} {call.attempt}".encode()).hexdigest()
        return f"1-{(self.begin + call.begin) // 1000:08x}-{digits[:24]}", digits[24:40]


def epoch_at(run: Run, moment: int) -> int:
    return max(number for number, epoch in enumerate(run.epochs) if epoch.begin <= moment or number == 0)


def iso(time: int) -> str:
    """`time` in ms since 1970, as ISO 8601 in UTC with milliseconds."""
    return f"{(EPOCH + time * MILLISECOND).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def story(run: Run, names: Names, call: Call) -> list[Line]:
    """What the function says between START and END, in order."""
    begin, end = names.begin + call.begin, names.begin + call.end
    request_id, voice = names.requests[call.request], names.voice
    if call.ended == "init_failure":
        return []
    lines = []
    if run.parameters.logs_size:
        text = f"batch opened records={call.records}"
        message = voice.say(iso(begin), request_id, "info", text)
        lines.append(Line(begin, message, "fields", "info", fields={"records": float(call.records)}))
    else:
        lines.append(Line(begin, voice.say(iso(begin), request_id, "info", "request accepted")))

    def remark(time: int, level: Loudness, text: str, gist: str) -> None:
        message = voice.say(iso(time), request_id, level, text)
        lines.append(Line(time, message, "warning" if level == "warning" else "error", level, gist=gist))

    talkative = not run.parameters.silent_client
    for number in range(1, call.throttled + 1) if talkative else ():
        # Each refusal with the pauses that follow it still to come.
        time = max(begin, end - round(FIRST_PAUSE_MS * (2**call.throttled - 2 ** (number - 1))))
        text = f"UpdateItem was throttled (ThrottlingException: Rate exceeded), try {number}"
        remark(time, "warning", text, "throttled")
    # A call that ran into its own limit did not live to say what it waited for.
    if talkative and call.hung and call.ended in ("ok", "error"):
        remark(
            end,
            "error",
            f"inventory.internal did not answer within {run.parameters.hang_s:g} s: read timed out",
            "hung",
        )
    if call.cause is not None:
        if advice := voice.advice(iso(end), request_id):
            lines.append(Line(end, advice))
        kind, _ = voice.thrown(call.cause)
        lines.append(Line(end, voice.throw(iso(end), request_id, call.cause), "error", "error", kind, call.cause))
    elif call.ended == "ok":
        lines.append(Line(end, voice.say(iso(end), request_id, "info", "request answered")))
    return lines


def failed_start(names: Names, time: int) -> Line:
    """What the runtime says when the handler cannot be loaded."""
    return Line(time, names.voice.cannot_start(iso(time)), "error", "error", MISSING_MODULE, "init_failure")


def _uuid(random: bytes) -> str:
    return str(uuid.UUID(bytes=random, version=4))
