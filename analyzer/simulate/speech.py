"""How each runtime writes what a function says: its own lines, and the exception that left the handler.

Messages are whole, as CloudWatch keeps them: with the line feed at their end where the runtime writes one.
"""

from __future__ import annotations

import json
from typing import Literal

from msgspec import Struct

from analyzer.simulate.fleet import Cause

Family = Literal["python", "nodejs", "java", "dotnet"]
Loudness = Literal["info", "warning", "error"]
Thrown = tuple[str, str]
# Python indents a traceback with spaces that do not break, and ends it without a line feed.
INDENT = "\u00a0\u00a0"
# Inside container images there is no channel that would keep lines of one message together.
IN_IMAGES = "\r"

LEVELS: dict[Family, dict[Loudness, str]] = {
    "python": {"info": "INFO", "warning": "WARNING", "error": "ERROR"},
    "nodejs": {"info": "INFO", "warning": "WARN", "error": "ERROR"},
    "java": {"info": "INFO", "warning": "WARN", "error": "ERROR"},
    "dotnet": {"info": "info", "warning": "warn", "error": "fail"},
}
THROWN: dict[Family, dict[Cause, Thrown]] = {
    "python": {
        "background": ("ConnectionResetError", "[Errno 104] Connection reset by peer"),
        "application": ("KeyError", "'customer_id'"),
        "version": ("AttributeError", "'NoneType' object has no attribute 'items'"),
        "poison": ("ValueError", "could not convert string to float: 'n/a'"),
        "throttled": ("ClientError", "An error occurred (ThrottlingException) when calling the UpdateItem operation"),
        "hang": ("ReadTimeout", "HTTPSConnectionPool(host='inventory.internal', port=443): Read timed out."),
    },
    "nodejs": {
        "background": ("Error", "read ECONNRESET"),
        "application": ("TypeError", "Cannot read properties of undefined (reading 'customerId')"),
        "version": ("ReferenceError", "normalise is not defined"),
        "poison": ("SyntaxError", "Unexpected token '<', \"<html>\" is not valid JSON"),
        "throttled": ("ThrottlingException", "Rate exceeded"),
        "hang": ("TimeoutError", "connect ETIMEDOUT inventory.internal:443"),
    },
    "java": {
        "background": ("java.net.SocketException", "Connection reset"),
        "application": ("java.lang.NullPointerException", "customer is null"),
        "version": ("java.lang.NoSuchMethodError", "orders.Mapper.read(java.lang.String)"),
        "poison": ("java.lang.NumberFormatException", 'For input string: "n/a"'),
        "throttled": ("software.amazon.awssdk.services.dynamodb.model.ThrottlingException", "Rate exceeded"),
        "hang": ("java.net.SocketTimeoutException", "Read timed out"),
    },
    "dotnet": {
        "background": ("System.IO.IOException", "Unable to read data from the transport connection."),
        "application": ("System.NullReferenceException", "Object reference not set to an instance of an object."),
        "version": ("System.MissingMethodException", "Method not found: 'Orders.Mapper.Read'."),
        "poison": ("System.FormatException", "Input string was not in a correct format."),
        "throttled": ("Amazon.DynamoDBv2.Model.ThrottlingException", "Rate exceeded"),
        "hang": ("System.Threading.Tasks.TaskCanceledException", "The request was canceled due to a timeout."),
    },
}
ADVICE = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare cases, a "
    "Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, runtime updates can be "
    "triggered by a function change, or can be applied automatically. To determine if the runtime has been updated, check the "
    "runtime version in the INIT_START log entry. If this error correlates with a change in the runtime version, you may be able "
    "to mitigate this error by temporarily rolling back to the previous runtime version. For more information, see "
    "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r\n"
)
MISSING_MODULE = "Runtime.ImportModuleError"


class Voice(Struct, frozen=True):
    """A runtime that writes, such as `python3.12`; `image` for functions that are container images."""

    family: Family
    version: str
    image: bool

    @staticmethod
    def of(runtime: str) -> Voice:
        """From a name of the calibration, such as "python3.12 zip"."""
        name, _, package = runtime.partition(" ")
        family = next(family for family in LEVELS if name.startswith(family))
        return Voice(family, name.removeprefix(family).removesuffix(".x"), package == "image")

    @property
    def silent_when_killed(self) -> bool:
        """Whether only REPORT tells that the process was killed for its memory."""
        return self.family == "python"

    def say(self, time: str, request_id: str, level: Loudness, text: str) -> str:
        """A line that the function's own code logs. `time` is ISO 8601 with milliseconds."""
        word = LEVELS[self.family][level]
        if self.family == "python":
            return f"[{word}]\t{time}\t{request_id}\t{text}\n"
        if self.family == "java":
            return f"[{word}] {text}\n"
        return f"{time}\t{request_id}\t{word}\t{text}\n"

    def thrown(self, cause: Cause) -> Thrown:
        """Type and text of an exception."""
        return THROWN[self.family][cause]

    def advice(self, time: str, request_id: str) -> str | None:
        """What Python's runtime prints ahead of an exception that nobody caught."""
        return f"[WARNING]\t{time}\t{request_id}\t{ADVICE}" if self.family == "python" else None

    def throw(self, time: str, request_id: str, cause: Cause) -> str:
        """The exception that left the handler."""
        kind, text = self.thrown(cause)
        if self.family == "python":
            lines = [
                f"[ERROR] {kind}: {text}",
                "Traceback (most recent call last):",
                f'{INDENT}File "/var/task/handler.py", line 41, in handler',
                f"{INDENT}{INDENT}return answer(event)",
            ]
            return IN_IMAGES.join(lines) + "\n" if self.image else "\n".join(lines)
        if self.family == "nodejs":
            stack = [f"{kind}: {text}", "    at answer (/var/task/index.js:41:15)"]
            return f"{time}\t{request_id}\tERROR\tInvoke Error \t{_json(kind, text, stack)}\n"
        if self.family == "java":
            return f"{text}: {kind}\n{kind}: {text}\n\tat orders.Handler.handleRequest(Handler.java:41)\n\n"
        return f"{time}\t{request_id}\tfail\t{kind}: {text}\n   at Orders.Handler.Answer(Order order)\n"

    def cannot_start(self, time: str) -> str:
        """The module of the handler cannot be loaded. Only of Python and Node.js."""
        if self.family == "python":
            text = "Unable to import module 'handler': No module named 'orders'"
            return f"[ERROR] {MISSING_MODULE}: {text}{IN_IMAGES if self.image else chr(10)}Traceback (most recent call last):\n"
        text = "Error: Cannot find module 'orders'"
        stack = [f"{MISSING_MODULE}: {text}", "    at loadFunction (file:///var/runtime/index.mjs:1:1)"]
        return f"{time}\tundefined\tERROR\tUncaught Exception \t{_json(MISSING_MODULE, text, stack)}\n"


def _json(kind: str, text: str, stack: list[str]) -> str:
    return json.dumps({"errorType": kind, "errorMessage": text, "stack": stack}, separators=(",", ":"))
