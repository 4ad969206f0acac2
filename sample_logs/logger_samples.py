"""Samples of what applications write through loggers and metric libraries, and how runtimes report errors in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lambda_lines import Stream, init_start, unique_id
from platform_samples import JsonPlatform
from small_samples import small_environment

START_OF_2026 = 1_773_734_400_000


def _json(record: Mapping[str, object]) -> str:
    return json.dumps(record, separators=(",", ":")) + "\n"


def text_loggers() -> list[Stream]:
    """Levels and request ids in the text of loggers; none of it ends a request."""
    layouts = small_environment("text loggers")
    layouts.serve(
        unique_id("text loggers 1"),
        "2026-03-17 08:00:00 <id> INFO  Checkout:65 - basket priced\n",
        "<id> WARN  Checkout:66 - the price list is a day old\n",
        "2026-03-17 08:00:00.120 [main] ERROR shop.Checkout - no picture for one article\n",
        "08:00:00.121 [main] ERROR shop.Checkout - nor for another\n",
        "2026-03-17 08:00:00,123 - shop.prices - WARNING - slow\n",
        "Mar 17, 2026 8:00:00 AM shop.Checkout price\n",
        "SEVERE: no tax rate, the default is taken\n",
        duration=20.50,
        used=110,
    )
    layouts.serve(
        unique_id("text loggers 2"),
        "W, [2026-03-17T08:00:00.190400 #8]  WARN <id> -- : the price list is a day old\n",
        "E, [2026-03-17T08:00:00.190400 #8] ERROR <id> -- : no picture for one article\n",
        "ERROR:shop.prices:no picture for one article\n",
        'time="2026-03-17T08:00:00Z" level=warning msg="slow" requestId=<id> articles=3\n',
        "2026/03/17 08:00:00 ERROR no picture articles=3\n",
        "2026-03-17T08:00:00.190400Z  WARN checkout::prices: slow\n",
        "2026-03-17T08:00:00.190400Z ERROR checkout::prices: no picture\n",
        "\x1b[2m2026-03-17T08:00:00.190400Z\x1b[0m \x1b[33m WARN\x1b[0m \x1b[2mcheckout\x1b[0m: painted\n",
        duration=19.25,
        used=110,
    )
    return [layouts.written()]


def powertools() -> list[Stream]:
    """Powertools for AWS Lambda in four languages: records of its logger, and documents of its metrics."""
    environment = small_environment("powertools")
    environment.say(init_start("python:3.13.v60"))
    environment.now += 402
    python = {
        "level": "INFO", "location": "handler:12", "message": "basket priced", "timestamp": "2026-03-17 08:00:00,120+0000",
        "service": "checkout", "cold_start": True, "function_name": "checkout", "function_memory_size": "512",
        "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:checkout", "function_request_id": "<id>",
        "xray_trace_id": "1-6ac7c67c-4fb697db28b006524e491c37", "sampling_rate": 0.1, "articles": 3,
    }  # fmt: skip
    caught = {"level": "ERROR", "message": "no picture", "exception": "Traceback ...", "exception_name": "OSError"}
    typescript = {
        "level": "ERROR", "message": "no picture", "service": "checkout", "function_request_id": "<id>",
        "error": {"name": "TypeError", "location": "app.js:9", "message": "no picture", "stack": "TypeError: no picture"},
    }  # fmt: skip
    dotnet = {
        "ColdStart": False, "FunctionMemorySize": 512, "FunctionRequestId": "<id>", "Level": "Warning", "Service": "checkout",
        "Message": "the price list is a day old", "XrayTraceId": "1-6ac7c67c-4fb697db28b006524e491c37",
    }  # fmt: skip
    environment.serve(
        unique_id("powertools 1"),
        _json(python),
        _json(python | caught),
        _json(typescript),
        _json(dotnet),
        _json(
            _metrics(
                {"service": "checkout", "function_request_id": "<id>"}, {"articles": [3.0], "price_ms": [4.5, 7.5]}
            )
        ),
        _json(_metrics({"service": "checkout", "function_name": "checkout"}, {"ColdStart": [1.0]})),
        duration=33.12,
        used=97,
        init=402.11,
    )
    return [environment.written()]


def _metrics(properties: Mapping[str, object], metrics: Mapping[str, object]) -> dict[str, object]:
    """A document in the embedded metric format."""
    directive = {
        "Namespace": "Shop",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in metrics],
    }
    return {"_aws": {"Timestamp": START_OF_2026, "CloudWatchMetrics": [directive]}, **properties, **metrics}


def metrics_in_lines() -> list[Stream]:
    """Documents and records behind the prefix of a text line, and other formats of metrics."""
    environment = small_environment("metrics in lines")
    document = _metrics({"service": "checkout"}, {"articles": 4})
    # What Lambda Insights measures stands in a log group of its own; somebody forwards it here.
    insights = {
        "event_type": "performance", "function_name": "checkout", "version": "$LATEST", "request_id": "<id>", "duration": 8,
        "cpu_user_time": 4, "cpu_system_time": 1, "cpu_total_time": 5, "memory_utilization": 17, "used_memory_max": 90,
        "rx_bytes": 91_002, "tx_bytes": 2_204, "total_network": 93_206, "tmp_used": 0, "threads_max": 12, "fd_use": 256,
    }  # fmt: skip
    environment.serve(
        unique_id("metrics 1"),
        f"<time>\t<id>\tinfo\t{_json(document)}",
        f"<time>\t<id>\tINFO\t{_json({'level': 'warn', 'message': 'slow', 'articles': 4})}",
        f"[INFO]\t<time>\t<id>\t{_json({'message': 'basket priced', 'articles': 4})}",
        _json({"e": 1_773_734_400, "m": "aws.lambda.enhanced.invocations", "t": ["region:us-east-1"], "v": 1}),
        "MONITORING|42.0|Milliseconds|price\n",
        _json(_metrics(insights, {})),
        '[1,"NR_LAMBDA_MONITORING","H4sIAAAAAAAA"]\n',
        duration=8.02,
        used=90,
    )
    return [environment.written()]


def json_loggers() -> list[Stream]:
    """What runtimes and loggers of JSON call the same things, and the three ways in which runtimes report what a handler threw."""
    environment = small_environment("json loggers", size=128)
    platform = JsonPlatform(environment)

    def serve(seed: str, *records: Mapping[str, object], outcome: str = "ok", error_type: str | None = None) -> None:
        request_id = unique_id(f"json loggers {seed}")
        platform.start(request_id, "$LATEST", after=900)
        for record in records:
            environment.say(_json({"timestamp": "<time>"} | record), request_id, after=3)
        platform.say("runtimeDone", {"requestId": request_id, "status": "success"}, after=1)
        used: dict[str, object] = {"memorySizeMB": 128, "maxMemoryUsedMB": 77}
        platform.report(request_id, {"durationMs": 9.5, "billedDurationMs": 10} | used)
        environment.expect(request_id, 9.5, 77, outcome=outcome, error_type=error_type)

    log4j = {"message": "no picture", "level": "ERROR", "logger": "shop", "errorType": "java.io.IOException"}
    serve(
        "well",
        log4j | {"errorMessage": "gone", "stackTrace": ["\tat shop.Pictures.find"], "labels": {"AWSRequestId": "<id>"}},
        {"level": 50, "msg": "no picture", "err": {"type": "TypeError", "message": "gone", "stack": "TypeError: gone"}},
        {"level": "INFO", "fields": {"message": "basket priced", "articles": 3}, "span": {"requestId": "<id>"}},
        {"level": "INFO", "message": {"priced": True, "articles": 3}, "requestId": "<id>"},
        {"severity": "WARNING", "message": "articles=3 old=1", "requestId": "<id>"},
        {"level": "WARNING", "message": "LAMBDA_WARNING: Unhandled exception. The most likely", "requestId": "<id>"},
    )  # fmt: skip
    null = "java.lang.NullPointerException"
    serve(
        "java",
        {"message": f"null: {null}\n{null}\n\tat shop.Checkout.price(Checkout.java)\n", "level": "ERROR", "AWSRequestId": "<id>"},
        outcome="error",
        error_type=null,
    )  # fmt: skip
    serve(
        "dotnet",
        {
            "level": "Error",
            "requestId": "<id>",
            "message": "System.FormatException: no number\n   at Shop.Checkout.Price()\n",
        },
        outcome="error",
        error_type="System.FormatException",
    )
    serve(
        "nodejs",
        {"level": "ERROR", "requestId": "<id>", "message": {"errorType": "TypeError", "errorMessage": "no price"}},
        outcome="error",
        error_type="TypeError",
    )
    return [environment.written()]


def last_words() -> list[Stream]:
    """What a process printed before it ended says more than that it ended."""
    environment = small_environment("last words", size=128)

    def end(
        seed: str, words: str, signal: str, error: str = "Runtime.ExitError", used: int = 40, outcome: str = "crash"
    ) -> None:
        environment.serve(
            unique_id(f"last words {seed}"),
            *words.splitlines(keepends=True),
            f"RequestId: <id> Error: Runtime exited with error: {signal}\n{error}\n",
            duration=20.75,
            used=used,
            status="error",
            platform_error=error,
            outcome=outcome,
        )

    end("go", "panic: assignment to entry in nil map\n\ngoroutine 18 [running]:\nmain.price(...)\n", "exit status 2")
    end("rust", "thread 'main' panicked at src/main.rs:3:5:\nno price\n", "exit status 101")
    heap = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n 1: 0xb7b150 node::Abort()\n"
    end("nodejs", heap, "signal: aborted", used=127, outcome="out_of_memory")
    # Said by a process that lives on, it is a line like any other.
    environment.serve(unique_id("last words well"), "panic: only a drill\n", duration=1.75, used=128)
    return [environment.written()]


def handler_errors() -> list[Stream]:
    """Errors of handlers in shapes that are rarer: PHP, a cut line of Node.js, Python without a traceback, Ruby at its start."""
    environment = small_environment("handler errors")
    error = {"errorType": "RangeError", "errorMessage": "no such article", "stack": ["RangeError: no such article"]}

    def fail(seed: str, line: str, error_type: str, outcome: str = "error") -> None:
        environment.serve(
            unique_id(f"handler errors {seed}"), line, duration=6.5, used=60, outcome=outcome, error_type=error_type
        )

    fail("php", f"<id>\tInvoke Error\t{_json(error)}", "RangeError")
    fail("cut", f"<time>\t<id>\tERROR\tInvoke Error \t{_json(error)[:60]}\n", "RangeError")
    unanswered = (
        "[ERROR] Runtime.MarshalError: Unable to marshal response: Object of type datetime is not JSON serializable\n"
    )
    fail("python", unanswered, "Runtime.MarshalError")
    # Logged by the handler, which went on: an error of the log and none of the call.
    environment.serve(
        unique_id("handler errors caught"),
        "[ERROR]\t<time>\t<id>\tno picture\nTraceback (most recent call last):\n  File \"app.py\", line 9\nOSError: gone\n",
        duration=6.5,
        used=60,
    )  # fmt: skip
    ruby = small_environment("ruby at its start", size=256)
    answer = json.dumps({"errorMessage": "cannot load such file -- shop", "errorType": "Init<LoadError>"}, indent=2)
    failed = "Status: error\tError Type: Runtime.ExitError\n"
    ruby.say(init_start("ruby:3.4.v12"))
    for phase in ("init", "invoke"):
        ruby.say("Init error when loading handler app.handler\n", after=90)
        ruby.say(f"{answer}\n")
        ruby.say(f"INIT_REPORT Init Duration: 91.02 ms\tPhase: {phase}\t{failed}", after=1)
    ruby.serve(
        unique_id("ruby at its start"),
        "RequestId: <id> Error: Runtime exited without providing a reason\nRuntime.ExitError\n",
        duration=97.31,
        used=30,
        status="error",
        platform_error="Runtime.ExitError",
        outcome="init_failure",
    )
    return [environment.written(), ruby.written()]


GRAMMARS = {
    "text-loggers": text_loggers,
    "json-loggers": json_loggers,
    "powertools": powertools,
    "metrics-in-lines": metrics_in_lines,
    "last-words": last_words,
    "handler-errors": handler_errors,
}
