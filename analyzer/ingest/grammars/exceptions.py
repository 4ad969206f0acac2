"""The shapes in which runtimes print an exception with its stack, wherever a grammar meets them."""

from __future__ import annotations

import re

TRACEBACK = "Traceback (most recent call last)"
# Behind the frames, which are indented, stands the exception. Container images have carriage returns for line feeds.
PYTHON = re.compile(rf"{re.escape(TRACEBACK)}.*[\r\n](?P<type>[A-Za-z_][\w.]*)(?::[^\r\n]*)?\s*$", re.DOTALL)
# `message: class`, then the class again and its frames.
JAVA = re.compile(r"[^\n]*?: (?P<type>(?:[a-z_]\w*\.)+[A-Z][\w$]*)\n(?:[^\n]*\n)?.*?^\tat ", re.DOTALL | re.MULTILINE)
JAVA_FRAMES = "\n\tat "
DOTNET = re.compile(r"\s*(?P<type>[\w.+]+(?:Exception|Error))\b[^\n]*\n(?: *--->[^\n]*\n)*\s+at ")
NODE = re.compile(r"\s*(?:Uncaught )?(?P<type>[A-Z]\w*(?:Error|Exception))\b[^\r\n]*[\r\n]+\s+at ")
# Ruby's answer to the platform names the class and where it was raised: Function<ArgumentError>, Init<LoadError>.
RUBY = re.compile(r"(?:Function|Init|Runtime)<(?P<type>[^>]+)>")


def logged_type(text: str) -> str | None:
    """The type of an exception that somebody logged together with its stack; None where there is no stack."""
    if TRACEBACK in text:
        match = PYTHON.search(text)
    elif JAVA_FRAMES in text:
        match = JAVA.match(text) or NODE.match(text)
    else:
        match = NODE.match(text) or DOTNET.match(text)
    return match["type"] if match else None


def without_place(error_type: str | None) -> str | None:
    """The class alone, of Ruby's Function<class>."""
    match = RUBY.fullmatch(error_type or "")
    return match["type"] if match else error_type
