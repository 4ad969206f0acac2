"""Samples of what the platform says besides START, END and REPORT: extensions, images, repeated starts, and JSON events."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from lambda_lines import Environment, Stream, digits, init_start, unique_id
from small_samples import small_environment

ARN = "arn:aws:lambda:us-east-1:123456789012:function:checkout"
INFO = "[INFO]\t<time>\t<id>\tbasket priced\n"


class JsonPlatform:
    """Writes platform events in JSON into an environment's stream."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def say(self, kind: str, record: object, after: int = 0, understood: bool = True) -> None:
        event = {"time": "<time>", "type": f"platform.{kind}", "record": record}
        self.environment.say(json.dumps(event, separators=(",", ":")) + "\n", after=after, understood=understood)

    def start(self, request_id: str, version: str, after: int = 0, **more: object) -> None:
        self.say("start", {"requestId": request_id, "functionArn": ARN, "version": version} | more, after)

    def report(
        self, request_id: str, metrics: dict[str, object], status: str = "success", after: int = 0, **more: object
    ) -> None:
        self.say("report", {"requestId": request_id, "metrics": metrics, "status": status} | more, after)


def extensions() -> list[Stream]:
    """One environment with extensions that work, and one whose extension crashed before the first request."""
    well = small_environment("extensions")
    well.say(init_start("python:3.13.v60"))
    well.say("LOGS\tName: cloudwatch_lambda_agent\tState: Subscribed\tTypes: [Platform]\n", after=180)
    well.say("TELEMETRY\tName: tracing\tState: Subscribed\tTypes: [Platform, Function]\n", after=2)
    well.say("EXTENSION\tName: cloudwatch_lambda_agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n", after=9)
    well.say("EXTENSION\tName: tracing\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n")
    well.now += 120
    well.serve(
        unique_id("extensions 1"),
        "[AWS Parameters and Secrets Lambda Extension] 2026/03/17 08:00:00 INFO ready to serve traffic\n",
        INFO,
        duration=44.10,
        used=96,
        init=311.88,
    )
    # Words of the application that begin like the platform's.
    well.serve(unique_id("extensions 2"), "EXTENSION of the offer\n", "LOGS kept\n", INFO, duration=9.87, used=96)
    crashed = small_environment("extensions crashed")
    failed = "Status: error\tError Type: Extension.Crash\n"
    crashed.say(init_start("python:3.13.v60"))
    crashed.say("EXTENSION\tName: tracing\tState: InitError\tEvents: []\tError Type: Extension.Crash\n", after=70)
    crashed.say(f"INIT_REPORT Init Duration: 71.60 ms\tPhase: init\t{failed}", after=2)
    crashed.say("EXTENSION\tName: tracing\tState: InitError\tEvents: []\tError Type: Extension.Crash\n", after=61)
    crashed.say(f"INIT_REPORT Init Duration: 62.03 ms\tPhase: invoke\t{failed}", after=2)
    crashed.serve(
        unique_id("extensions crashed"),
        "RequestId: <id> Error: exit code 0\nExtension.Crash\n",
        duration=66.21,
        used=18,
        status="error",
        platform_error="Extension.Crash",
        outcome="init_failure",
    )
    return [well.written(), crashed.written()]


def starts() -> list[Stream]:
    return [_repeated_well(), _image(), _restored_badly(), _before_2018(), _python_advice()]


def _repeated_well() -> Stream:
    """The database was away while the module was loaded, and back when that was tried again for the first request."""
    environment = small_environment("repeated well")
    environment.say(init_start("python:3.12.v89"))
    environment.say("[ERROR] ConnectionError: no route to host\nTraceback (most recent call last):", after=900)
    environment.say("INIT_REPORT Init Duration: 911.20 ms\tPhase: init\tStatus: error\tError Type: Runtime.Unknown\n")
    environment.serve(unique_id("repeated well"), INFO, duration=1204.51, used=88)
    return environment.written()


def _image() -> Stream:
    environment = small_environment("image")
    image = (
        "IMAGE\tLaunch error: fork/exec /lambda-entrypoint.sh: exec format error\tEntrypoint: [/lambda-entrypoint.sh]\t"
        "Cmd: [app.handler]\tWorkingDir: [/var/task]\n"
    )
    failed = "Status: error\tError Type: Runtime.InvalidEntrypoint\n"
    environment.say(image)
    environment.say(f"INIT_REPORT Init Duration: 0.57 ms\tPhase: init\t{failed}", after=1)
    environment.say(image, after=5)
    environment.say(f"INIT_REPORT Init Duration: 0.41 ms\tPhase: invoke\t{failed}", after=1)
    environment.serve(
        unique_id("image"),
        "RequestId: <id> Error: fork/exec /lambda-entrypoint.sh: exec format error\nRuntime.InvalidEntrypoint\n",
        duration=19.55,
        used=3,
        status="error",
        platform_error="Runtime.InvalidEntrypoint",
        outcome="init_failure",
    )
    return environment.written()


def _restored_badly() -> Stream:
    """A snapshot whose restoring failed serves nobody; the same one then came up."""
    environment = small_environment("restored badly", version="56", size=1024)
    arn = f"arn:aws:lambda:us-east-1::runtime:{digits('java')}{digits('java arn')}"
    environment.say(f"RESTORE_START Runtime Version: java:21.v9\tRuntime Version ARN: {arn}\n")
    environment.say(
        "RESTORE_REPORT Restore Duration: 1236.04 ms\tStatus: error\tError Type: Runtime.ExitError\n", after=1_236
    )
    environment.say(f"RESTORE_START Runtime Version: java:21.v9\tRuntime Version ARN: {arn}\n", after=40)
    environment.say("RESTORE_REPORT Restore Duration: 512.70 ms\n", after=513)
    request_id = unique_id("restored badly")
    environment.lines(request_id, 101.33, ["basket priced\n"])
    environment.say(
        f"REPORT RequestId: {request_id}\tDuration: 101.33 ms\tBilled Duration: 164 ms\tMemory Size: 1024 MB\t"
        "Max Memory Used: 160 MB\tRestore Duration: 512.70 ms\tBilled Restore Duration: 62 ms\t\n"
    )
    environment.expect(request_id, 101.33, 160, restore=512.70)
    return environment.written()


def _before_2018() -> Stream:
    environment = small_environment("before 2018", begin=datetime(2017, 11, 6, 9, 0, tzinfo=UTC), size=128)
    request_id = unique_id("before 2018")
    environment.lines(request_id, 250.41, ["RequestId: <id> Process exited before completing request\n"], at=(1.0,))
    environment.say(
        f"REPORT RequestId: {request_id}\tDuration: 250.41 ms\tBilled Duration: 300 ms \tMemory Size: 128 MB\t"
        "Max Memory Used: 31 MB\t\n"
    )
    environment.expect(request_id, 250.41, 31, outcome="crash")
    return environment.written()


def _python_advice() -> Stream:
    """The platform's advice about an error goes through the application's logger."""
    environment = small_environment("python advice")
    advice = (
        "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare "
        "cases, a Lambda runtime update can cause unexpected function behavior.\r\n"
    )
    environment.serve(
        unique_id("python advice"),
        f"[WARNING]\t<time>\t<id>\t{advice}",
        "[ERROR] KeyError: 'sku'\nTraceback (most recent call last):\n\u00a0\u00a0File \"/var/task/app.py\", line 9, in handler",
        duration=3.55,
        used=60,
        outcome="error",
        error_type="KeyError",
    )
    return environment.written()


def json_platform() -> list[Stream]:
    return [_json_snapstart(), _json_crash()]


def _json_snapstart() -> Stream:
    environment = small_environment("json snapstart", version="7", size=128)
    platform = JsonPlatform(environment)
    restored: dict[str, object] = {"initializationType": "snap-start", "runtimeVersion": "python:3.13.v60"}
    platform.say("restoreStart", restored | {"functionName": "checkout", "functionVersion": "7"})
    platform.say("restoreRuntimeDone", {"status": "success"}, after=480)
    platform.say("restoreReport", {"status": "success", "metrics": {"durationMs": 500.795}}, after=21)
    platform.say("telemetrySubscription", {"name": "tracing", "state": "Subscribed", "types": ["platform", "function"]})
    platform.say("extension", {"name": "tracing", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]})
    request_id = unique_id("json snapstart")
    trace = {
        "spanId": "54565fb41ac79632",
        "type": "X-Amzn-Trace-Id",
        "value": "Root=1-62e900b2-710d76f009d6e7785905449a",
    }
    platform.start(request_id, "7", after=2, tracing=trace, tenantId="blue")
    spans = [{"name": "responseLatency", "start": "<time>", "durationMs": 23.02}]
    done = {
        "requestId": request_id,
        "status": "success",
        "spans": spans,
        "metrics": {"durationMs": 147.0},
        "tenantId": "blue",
    }
    platform.say("runtimeDone", done, after=147)
    metrics: dict[str, object] = {
        "durationMs": 147.156, "billedDurationMs": 201, "memorySizeMB": 128, "maxMemoryUsedMB": 90,
        "restoreDurationMs": 500.795, "billedRestoreDurationMs": 53,
    }  # fmt: skip
    platform.report(request_id, metrics, tracing=trace, tenantId="blue")
    environment.expect(request_id, 147.156, 90, restore=500.795)
    return environment.written()


def _json_crash() -> Stream:
    """The process ended; the consumer of telemetry fell behind; and an event that nobody has described yet."""
    environment = small_environment("json crash", size=128)
    platform = JsonPlatform(environment)
    starting: dict[str, object] = {"initializationType": "on-demand", "phase": "init"}
    platform.say("initStart", starting | {"runtimeVersion": "provided:al2023.v98", "functionVersion": "$LATEST"})
    platform.say("initRuntimeDone", starting | {"status": "success"}, after=40)
    platform.say("initReport", starting | {"status": "success", "metrics": {"durationMs": 40.117}})
    request_id = unique_id("json crash")
    platform.start(request_id, "$LATEST", after=1)
    fault = f"RequestId: {request_id} Error: Runtime exited with error: exit status 1\nRuntime.ExitError"
    platform.say("fault", fault, after=14)
    platform.say("runtimeDone", {"requestId": request_id, "status": "failure", "errorType": "Runtime.ExitError"})
    metrics: dict[str, object] = {
        "durationMs": 14.48, "billedDurationMs": 55, "memorySizeMB": 128, "maxMemoryUsedMB": 25, "initDurationMs": 40.117,
    }  # fmt: skip
    platform.report(request_id, metrics, "failure", errorType="Runtime.ExitError")
    environment.expect(request_id, 14.48, 25, outcome="crash", error_type="Runtime.ExitError", init=40.117)
    platform.say("logsDropped", {"reason": "the consumer fell behind", "droppedRecords": 12, "droppedBytes": 2204})
    platform.say("somethingNew", {"requestId": request_id}, understood=False)
    return environment.written()


def managed_instances() -> list[Stream]:
    """Requests interleave in one stream; nothing is said of memory or money, and no END comes."""
    environment = small_environment("managed instances", version="$LATEST.PUBLISHED", size=None)
    platform = JsonPlatform(environment)
    platform.say(
        "initStart",
        {"initializationType": "lambda-managed-instances", "phase": "init", "runtimeVersion": "nodejs:24.v12"}
        | {"functionName": "checkout", "functionVersion": "$LATEST.PUBLISHED", "instanceMaxMemory": 2_147_483_648},
    )
    platform.say("initReport", {"initializationType": "lambda-managed-instances", "status": "success"}, after=310)
    first, second, third = (unique_id(f"managed instances {number}") for number in range(3))

    def log(request_id: str, record: dict[str, object], after: int = 1) -> None:
        text = json.dumps({"timestamp": "<time>", "level": "INFO", "requestId": "<id>"} | record)
        environment.say(text + "\n", request_id, after=after)

    platform.start(first, "$LATEST.PUBLISHED", after=5)
    platform.start(second, "$LATEST.PUBLISHED", after=1)
    log(first, {"message": "pricing the basket", "articles": 3})
    error = {"errorType": "TypeError", "errorMessage": "no price", "stackTrace": ["at handler (/var/task/app.js:9)"]}
    log(second, {"level": "ERROR", "message": error})
    platform.start(third, "$LATEST.PUBLISHED", after=1)
    # Which of the three printed this cannot be told.
    environment.say("printed by a library\n", after=1)
    platform.report(first, {"durationMs": 12.524}, after=8)
    environment.expect(first, 12.524, None)
    platform.report(third, {"durationMs": 11.002}, after=2)
    environment.expect(third, 11.002, None)
    platform.report(second, {"durationMs": 14.871}, after=1)
    environment.expect(second, 14.871, None, outcome="error", error_type="TypeError")
    return [environment.written()]


def durable_executions() -> list[Stream]:
    """One execution, two invocations: the first waits for a payment and ends, the second goes on under another request id."""
    environment = small_environment("durable")
    platform = JsonPlatform(environment)
    execution = f"{ARN}:3/durable-execution/order-7/{unique_id('execution')}"
    for number, (text, attempt) in enumerate((("payment asked for", 1), ("payment received", 2))):
        request_id = unique_id(f"durable {number}")
        platform.start(request_id, "$LATEST", after=30_000)
        record = {"executionArn": execution, "operationId": "c4ca4238", "operationName": "pay", "attempt": attempt}
        line = {"timestamp": "<time>", "level": "INFO", "requestId": "<id>", "message": text} | record
        environment.say(json.dumps(line) + "\n", request_id, after=3)
        platform.say("runtimeDone", {"requestId": request_id, "status": "success"}, after=9)
        duration = 12.25 + number
        metrics: dict[str, object] = {"durationMs": duration, "billedDurationMs": 13 + number}
        platform.report(request_id, metrics | {"memorySizeMB": 512, "maxMemoryUsedMB": 81})
        environment.expect(request_id, duration, 81)
    return [environment.written()]


def datadog() -> list[Stream]:
    """Lines that Datadog's extension writes in the place of the platform's, as they stand in an export of that service."""
    environment = small_environment("datadog")
    well, late, failed = (unique_id(f"datadog {number}") for number in range(3))
    environment.lines(well, 12.10, [INFO])
    environment.say(
        f"REPORT RequestId: {well} Duration: 12.10 ms Runtime Duration: 10.02 ms Post Runtime Duration: 2.08 ms "
        "Billed Duration: 13 ms Memory Size: 512 MB Max Memory Used: 80 MB\n"
    )
    environment.expect(well, 12.10, 80)
    environment.size = None
    environment.say(f"START RequestId: {late} Version: $LATEST\n", after=900)
    environment.say(f"END RequestId: {late} Task timed out after 30.00 seconds\n", after=30_000)
    environment.say(f"REPORT RequestId: {late} Runtime Duration: 30000.00 ms Task timed out after 30.00 seconds\n")
    environment.expect(late, 30_000.0, None, outcome="timeout", timeout=30.0)
    environment.say(f"START RequestId: {failed} Version: $LATEST\n", after=900)
    environment.say(f"END RequestId: {failed}\n", after=30)
    environment.say(f"REPORT RequestId: {failed} Runtime Duration: 30.20 ms Task failed: RuntimeError\n")
    environment.expect(failed, 30.20, None, outcome="error", error_type="RuntimeError")
    return [environment.written()]


GRAMMARS = {
    "extensions": extensions,
    "starts": starts,
    "json-platform": json_platform,
    "managed-instances": managed_instances,
    "durable-executions": durable_executions,
    "datadog": datadog,
}
