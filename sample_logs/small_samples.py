"""Small samples: for each grammar the lines it reads, of several ages, and a few invocations for the rarer containers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from lambda_lines import Environment, Stream, digits, init_start, unique_id

BEGIN = datetime(2026, 3, 17, 8, 0, tzinfo=UTC)
XRAY = "XRAY TraceId: 1-6ac7c67c-4fb697db28b006524e491c37\tSegmentId: 4a861782660d0257\tSampled: true\t\n"


def small_environment(
    seed: str, function: str = "checkout", begin: datetime = BEGIN, version: str = "$LATEST", size: int | None = 512
) -> Environment:
    return Environment(function, f"{begin:%Y/%m/%d}/[{version}]{digits(seed)}", begin, size)


def s3_plain() -> Stream:
    """An export as it lies in the bucket after unpacking: a cold start, and one that ran out of time."""
    environment = small_environment("s3 plain")
    environment.say(init_start("python:3.13.v60"))
    environment.now += 413
    environment.serve(
        unique_id("s3 plain 1"), "[INFO]\t<time>\t<id>\tbasket priced\n", duration=812.40, used=95, init=413.61
    )
    environment.now += 20_000
    environment.serve(
        unique_id("s3 plain 2"),
        "[INFO]\t<time>\t<id>\tasking the stock service\n",
        duration=3000.00,
        used=96,
        status="timeout",
        outcome="timeout",
        timeout=3.0,
    )
    return environment.written()


def s3_repacked() -> Stream:
    """Two invocations in the middle of a stream's life."""
    environment = small_environment("s3 repacked")
    for number, duration in enumerate((92.41, 101.00)):
        request_id = unique_id(f"s3 repacked {number}")
        environment.serve(request_id, "[INFO]\t<time>\t<id>\tbasket priced\n", duration=duration, used=101)
        environment.now += 5_000
    return environment.written()


def two_pages() -> Stream:
    """Three invocations, of which the second goes over the end of a page."""
    environment = small_environment("two pages")
    environment.say(init_start("python:3.13.v60"))
    environment.now += 388
    line = "[INFO]\t<time>\t<id>\tbasket priced\n"
    environment.serve(unique_id("two pages 1"), line, duration=640.02, used=88, init=388.90)
    environment.now += 1_500
    environment.serve(
        unique_id("two pages 2"),
        line,
        "[ERROR] ValueError: no price for this article\nTraceback (most recent call last):\n"
        '\u00a0\u00a0File "/var/task/app.py", line 30, in handler\n\u00a0\u00a0\u00a0\u00a0raise ValueError(reason)',
        duration=77.50,
        used=88,
        outcome="error",
        error_type="ValueError",
    )
    environment.now += 1_500
    environment.serve(unique_id("two pages 3"), line, duration=70.11, used=89)
    return environment.written()


def long_winded() -> Stream:
    """An invocation whose lines are more than the 4 KB that an answer carries."""
    environment = small_environment("long winded")
    lines = [f"[INFO]\t<time>\t<id>\tarticle {number} of 60 priced\n" for number in range(1, 61)]
    environment.serve(unique_id("long winded"), *lines, duration=915.37, used=90)
    return environment.written()


def platform_text() -> list[Stream]:
    return [
        _warm_cold_timeout(),
        _out_of_memory(),
        _crash(),
        _failed_init(),
        _slow_init(),
        _snapstart(),
        _timeout_of_2023(),
        _three_of_2019(),
    ]


def _warm_cold_timeout() -> Stream:
    environment = small_environment("platform 2026")
    environment.say(init_start("nodejs:22.v71"))
    environment.now += 413
    cold, warm, late = (unique_id(f"platform 2026 {number}") for number in range(3))
    environment.serve(cold, "<time>\t<id>\tINFO\tcold\n", duration=2.46, used=95, init=413.61)
    environment.now += 1_000
    environment.lines(warm, 923.25, ["<time>\t<id>\tINFO\twarm\n"])
    environment.say(
        f"REPORT RequestId: {warm}\tDuration: 923.25 ms\tBilled Duration: 924 ms\tMemory Size: 512 MB\t"
        f"Max Memory Used: 97 MB\t\n{XRAY}"
    )
    environment.expect(warm, 923.25, 97)
    # An application wrote this; it begins like a REPORT and is none.
    environment.say("REPORT RequestId: xmpl\tMemory: 2048 MB Max Used: 100 MB\n", after=10, understood=False)
    environment.serve(
        late,
        "<time>\t<id>\tINFO\tlate\n",
        duration=3000.00,
        used=98,
        status="timeout",
        outcome="timeout",
        timeout=3.0,
    )
    return environment.written()


def _out_of_memory() -> Stream:
    environment = small_environment("out of memory 2026", size=1024)
    environment.say(init_start("python:3.12.mainlinev2.v43"))
    environment.now += 399
    environment.serve(
        unique_id("out of memory 2026"),
        "[INFO]\t<time>\t<id>\treading all of it\n",
        duration=34_435.22,
        used=1024,
        init=399.33,
        status="error",
        platform_error="Runtime.OutOfMemory",
        outcome="out_of_memory",
    )
    return environment.written()


def _crash() -> Stream:
    """Before 2025 REPORT did not say that the process had gone."""
    environment = small_environment("crash 2024", begin=datetime(2024, 4, 2, 7, 30, tzinfo=UTC))
    environment.say(init_start("provided:al2023.v16"))
    request_id = unique_id("crash 2024")
    environment.now += 40
    fault = "RequestId: <id> Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n"
    environment.lines(request_id, 15.02, ["calling the parser\n", fault], at=(0.1, 1.0))
    environment.say(
        f"REPORT RequestId: {request_id}\tDuration: 15.02 ms\tBilled Duration: 56 ms\tMemory Size: 512 MB\t"
        "Max Memory Used: 24 MB\tInit Duration: 40.31 ms\t\n"
    )
    environment.expect(request_id, 15.02, 24, outcome="crash", error_type="Runtime.ExitError", init=40.31)
    return environment.written()


def _failed_init() -> Stream:
    """The module cannot be imported, neither ahead of the first request nor again inside it, where START comes late."""
    environment = small_environment("failed init 2026")
    environment.say(init_start("python:3.12.v89"))
    error = (
        "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'requests'\n"
        "Traceback (most recent call last):"
    )
    failed = "Status: error\tError Type: Runtime.ImportModuleError\n"
    environment.say(error, after=200)
    environment.say(f"INIT_REPORT Init Duration: 206.72 ms\tPhase: init\t{failed}", after=6)
    environment.say(error, after=80)
    environment.say(f"INIT_REPORT Init Duration: 83.58 ms\tPhase: invoke\t{failed}", after=3)
    environment.serve(
        unique_id("failed init 2026"),
        duration=95.78,
        used=39,
        status="error",
        platform_error="Runtime.ImportModuleError",
        outcome="init_failure",
    )
    return environment.written()


def _slow_init() -> Stream:
    """An initialisation that needs more than its ten seconds is repeated inside Duration: a cold start REPORT hides."""
    environment = small_environment("slow init 2026")
    environment.say(init_start("python:3.12.v89"))
    environment.say("INIT_REPORT Init Duration: 10001.23 ms\tPhase: init\tStatus: timeout\n", after=10_001)
    environment.serve(unique_id("slow init 2026"), "[INFO]\t<time>\t<id>\tmodel loaded\n", duration=10_866.62, used=310)
    return environment.written()


def _snapstart() -> Stream:
    environment = small_environment("snapstart", begin=datetime(2025, 7, 5, 6, 12, tzinfo=UTC), version="56", size=3009)
    arn = f"arn:aws:lambda:us-east-1::runtime:{digits('java')}{digits('java arn')}"
    environment.say(f"RESTORE_START Runtime Version: java:17.v9\tRuntime Version ARN: {arn}\n")
    environment.say("RESTORE_REPORT Restore Duration: 398.97 ms\n", after=399)
    request_id = unique_id("snapstart")
    environment.lines(request_id, 2338.66, ["basket priced\n"])
    environment.say(
        f"REPORT RequestId: {request_id}\tDuration: 2338.66 ms\tBilled Duration: 2521 ms\tMemory Size: 3009 MB\t"
        "Max Memory Used: 173 MB\tRestore Duration: 398.97 ms\tBilled Restore Duration: 182 ms\t\n"
    )
    environment.expect(request_id, 2338.66, 173, restore=398.97)
    return environment.written()


def _timeout_of_2023() -> Stream:
    """The line of the timeout comes before END, and REPORT has no status."""
    environment = small_environment("timeout 2023", begin=datetime(2023, 2, 20, 14, 15, tzinfo=UTC))
    request_id = unique_id("timeout 2023")
    late = "<time> <id> Task timed out after 2.02 seconds\n\n"
    environment.lines(request_id, 2019.16, ["<time>\t<id>\tINFO\twaiting\n", late], at=(0.0, 1.0))
    environment.say(
        f"REPORT RequestId: {request_id}\tDuration: 2019.16 ms\tBilled Duration: 2020 ms\tMemory Size: 512 MB\t"
        "Max Memory Used: 61 MB\t\n"
    )
    environment.expect(request_id, 2019.16, 61, outcome="timeout", timeout=2.0)
    return environment.written()


def _three_of_2019() -> Stream:
    """Billed in steps of 100 ms, a blank before the tab, and the bad news after REPORT."""
    environment = small_environment("2019", begin=datetime(2019, 6, 19, 12, 45, tzinfo=UTC), size=128)

    def finish(request_id: str, duration: float, billed: int, used: int) -> None:
        environment.say(
            f"REPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\tBilled Duration: {billed} ms \t"
            f"Memory Size: 128 MB\tMax Memory Used: {used} MB\t\n"
        )

    warm, late, killed = (unique_id(f"2019 {number}") for number in range(3))
    line = "<time>\t<id>\tbasket priced\n"
    environment.lines(warm, 0.73, [line])
    finish(warm, 0.73, 100, 52)
    environment.expect(warm, 0.73, 52)
    environment.now += 4_000
    environment.lines(late, 3003.28, [line])
    finish(late, 3003.28, 3000, 53)
    environment.say("<time> <id> Task timed out after 3.00 seconds\n\n", late)
    environment.expect(late, 3003.28, 53, outcome="timeout", timeout=3.0)
    environment.now += 4_000
    environment.lines(killed, 1518.90, [line])
    finish(killed, 1518.90, 1600, 128)
    environment.say("RequestId: <id> Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n", killed)
    environment.expect(killed, 1518.90, 128, outcome="out_of_memory", error_type="Runtime.ExitError")
    return environment.written()


def json_format() -> list[Stream]:
    """Lambda's JSON log format with a Python function: no END, three decimals, and an error the platform calls success."""
    environment = small_environment("json", size=128)
    well, wrong, late = (unique_id(f"json {number}") for number in range(3))

    def platform(kind: str, record: dict[str, object], after: int = 0) -> None:
        event = {"time": "<time>", "type": f"platform.{kind}", "record": record}
        environment.say(json.dumps(event, separators=(",", ":")) + "\n", after=after)

    def application(request_id: str, record: dict[str, object]) -> None:
        environment.say(json.dumps({"timestamp": "<second>"} | record) + "\n", request_id, after=2)

    def start(request_id: str) -> None:
        arn = "arn:aws:lambda:us-east-1:123456789012:function:checkout"
        platform("start", {"requestId": request_id, "functionArn": arn, "version": "$LATEST"}, after=1_000)

    def report(request_id: str, status: str, duration: float, billed: int, used: int, **more: float) -> None:
        metrics = {"durationMs": duration, "billedDurationMs": billed, "memorySizeMB": 128, "maxMemoryUsedMB": used}
        platform("report", {"requestId": request_id, "metrics": metrics | more, "status": status})

    starting: dict[str, object] = {"initializationType": "on-demand", "phase": "init"}
    runtime: dict[str, object] = {"runtimeVersion": "python:3.13.v60", "functionName": "checkout"}
    platform("initStart", starting | runtime | {"functionVersion": "$LATEST", "instanceMaxMemory": 134_217_728})
    platform("initRuntimeDone", starting | {"status": "success"}, after=772)
    platform("initReport", starting | {"status": "success", "metrics": {"durationMs": 772.443}})

    start(well)
    application(well, {"level": "INFO", "message": "basket priced", "logger": "root", "requestId": "<id>"})
    done: dict[str, object] = {"durationMs": 26.501, "producedBytes": 48}
    platform("runtimeDone", {"requestId": well, "status": "success", "metrics": done}, after=25)
    report(well, "success", 26.843, 800, 77, initDurationMs=772.443)
    environment.expect(well, 26.843, 77, init=772.443)

    start(wrong)
    stack = ['  File "/var/task/app.py", line 30, in handler\n    raise ValueError(reason)\n']
    error: dict[str, object] = {"log_level": "ERROR", "errorMessage": "no price", "errorType": "ValueError"}
    application(wrong, error | {"requestId": "<id>", "location": "/var/task/app.py:handler:30", "stackTrace": stack})
    done = {"durationMs": 3.117, "producedBytes": 112}
    platform("runtimeDone", {"requestId": wrong, "status": "success", "metrics": done}, after=1)
    report(wrong, "success", 3.402, 4, 78)
    environment.expect(wrong, 3.402, 78, outcome="error", error_type="ValueError")

    start(late)
    application(late, {"level": "INFO", "message": "asking the stock service", "logger": "root", "requestId": "<id>"})
    platform("runtimeDone", {"requestId": late, "status": "timeout"}, after=2_998)
    report(late, "timeout", 3000.0, 3000, 78)
    environment.expect(late, 3000.0, 78, outcome="timeout", timeout=3.0)
    return [environment.written()]


def python_text() -> list[Stream]:
    zipped = small_environment("python")
    zipped.say(init_start("python:3.12.v89"))
    zipped.say("[DEBUG]\t<time>\t\tloading the price list\n", after=300)
    zipped.now += 120
    zipped.serve(
        unique_id("python 1"),
        "[INFO]\t<time>\t<id>\tbasket priced\n",
        "[WARNING]\t<time>\t<id>\tthe price list is a day old\n",
        "[ERROR]\t<time>\t<id>\tno picture for one article, going on without\n",
        duration=204.33,
        used=77,
        init=420.77,
    )
    zipped.serve(
        unique_id("python 2"),
        "printed\n",
        "[ERROR] KeyError: 'sku'\nTraceback (most recent call last):\n"
        '\u00a0\u00a0File "/var/task/app.py", line 30, in handler\n\u00a0\u00a0\u00a0\u00a0sku = article["sku"]',
        duration=11.05,
        used=77,
        outcome="error",
        error_type="KeyError",
    )
    # A container image has no channel for messages of several lines: carriage returns stand for their line feeds.
    image = small_environment("python image")
    image.serve(
        unique_id("python 3"),
        "[ERROR] shop.OutOfStock: none left\rTraceback (most recent call last):\r"
        '\u00a0\u00a0File "/var/task/app.py", line 44, in handler\r\u00a0\u00a0\u00a0\u00a0reserve(article)\n',
        duration=12.80,
        used=80,
        outcome="error",
        error_type="shop.OutOfStock",
    )
    return [zipped.written(), image.written()]


def nodejs_text() -> list[Stream]:
    environment = small_environment("nodejs")
    environment.say(init_start("nodejs:22.v71"))
    environment.say("<time>\tundefined\tINFO\tloading the price list\n", after=150)
    environment.now += 30
    thrown = {
        "errorType": "TypeError",
        "errorMessage": "Cannot read properties of undefined (reading 'sku')",
        "stack": [
            "TypeError: Cannot read properties of undefined (reading 'sku')",
            "    at handler (/var/task/app.js:9)",
        ],
    }
    environment.serve(
        unique_id("nodejs 1"),
        "<time>\t<id>\tINFO\tbasket priced\nin two parts\n",
        "<time>\t<id>\tERROR\tno picture for one article, going on without\n",
        duration=35.40,
        used=70,
        init=183.02,
    )
    for number, words in enumerate(("Invoke Error", "Uncaught Exception"), 2):
        environment.serve(
            unique_id(f"nodejs {number}"),
            "<time>\t<id>\tINFO\tpricing the basket\n",
            f"<time>\t<id>\tERROR\t{words} \t{json.dumps(thrown, separators=(',', ':'))}\n",
            duration=4.12 * number,
            used=71,
            outcome="error",
            error_type="TypeError",
        )
    return [environment.written()]


def dotnet_text() -> list[Stream]:
    environment = small_environment("dotnet")
    environment.say(init_start("dotnet:8.v44"))
    environment.now += 310
    environment.serve(
        unique_id("dotnet 1"), "<time>\t<id>\tinfo\tbasket priced\n", duration=310.94, used=92, init=311.60
    )
    environment.serve(
        unique_id("dotnet 2"),
        "<time>\t<id>\tinfo\tpricing the basket\n",
        "<time>\t<id>\tfail\tSystem.InvalidOperationException: Sequence contains no elements\n"
        "   at System.Linq.ThrowHelper.ThrowNoElementsException()\n"
        "   at Shop.Checkout.Handler(Basket basket) in /src/Checkout.cs:line 23\n",
        duration=21.71,
        used=92,
        outcome="error",
        error_type="System.InvalidOperationException",
    )
    return [environment.written()]


def java() -> list[Stream]:
    environment = small_environment("java", size=1024)
    environment.say(init_start("java:21.v42"))
    environment.now += 1_204
    environment.serve(
        unique_id("java 1"), "basket priced\n", "[INFO] receipt kept\n", duration=488.02, used=151, init=1204.55
    )
    environment.serve(
        unique_id("java 2"),
        "null: java.lang.NullPointerException\njava.lang.NullPointerException\n"
        "\tat shop.Checkout.price(Checkout.java:30)\n\tat shop.Checkout.handleRequest(Checkout.java:17)\n\n",
        duration=9.31,
        used=151,
        outcome="error",
        error_type="java.lang.NullPointerException",
    )
    environment.serve(
        unique_id("java 3"),
        "article 7 is unknown: java.lang.IllegalArgumentException\n"
        "java.lang.IllegalArgumentException: article 7 is unknown\n\tat shop.Articles.find(Articles.java:12)\n\n",
        duration=8.77,
        used=152,
        outcome="error",
        error_type="java.lang.IllegalArgumentException",
    )
    return [environment.written()]


def go() -> list[Stream]:
    """An error that was returned, and a panic, after which the process is gone."""
    environment = small_environment("go", size=128)
    environment.say(init_start("provided:al2023.v98"))
    environment.now += 61
    environment.serve(
        unique_id("go 1"),
        "2026/03/17 08:00:00 pricing the basket\n",
        '2026/03/17 08:00:00 {"errorMessage":"this account is not invited","errorType":"errorString"}\n',
        duration=2.02,
        used=24,
        init=61.44,
        outcome="error",
        error_type="errorString",
    )
    stack = [{"path": "github.com/shop/checkout/main.go", "line": 30, "label": "price"}]
    panic = {"errorMessage": "assignment to entry in nil map", "errorType": "plainError", "stackTrace": stack}
    environment.serve(
        unique_id("go 2"),
        f"2026/03/17 08:00:00 {json.dumps(panic, separators=(',', ':'))}\n",
        "RequestId: <id> Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n",
        duration=14.48,
        used=25,
        status="error",
        platform_error="Runtime.ExitError",
        outcome="crash",
    )
    return [environment.written()]


def ruby() -> list[Stream]:
    """The error is printed as JSON over several lines, each an event of its own."""
    environment = small_environment("ruby", size=256)
    environment.say(init_start("ruby:3.4.v12"))
    environment.now += 190
    environment.serve(
        unique_id("ruby 1"),
        "I, [2026-03-17T08:00:00.190400 #8]  INFO <id> -- : basket priced\n",
        duration=20.18,
        used=63,
        init=190.07,
    )
    answer = json.dumps(
        {
            "errorMessage": "no price for this article",
            "errorType": "Function<ArgumentError>",
            "stackTrace": ["/var/task/app.rb:9:in 'price'", "/var/task/app.rb:3:in 'handler'"],
        },
        indent=2,
    )
    environment.serve(
        unique_id("ruby 2"),
        "Error raised from handler method\n",
        *(f"{line}\n" for line in answer.splitlines()),
        duration=6.65,
        used=63,
        outcome="error",
        error_type="ArgumentError",
    )
    return [environment.written()]


GRAMMARS = {
    "platform-text": platform_text,
    "json-format": json_format,
    "python-text": python_text,
    "nodejs-text": nodejs_text,
    "dotnet-text": dotnet_text,
    "java": java,
    "go": go,
    "ruby": ruby,
}
