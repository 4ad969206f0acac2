"""How to see a log line for oneself: a shell command that prints it out of its file, and a query for CloudWatch Logs Insights.

Names of files are quoted for the shell. What came out of a log gets into a query only if it has the shape of an id.
"""

from __future__ import annotations

import re
import shlex

from analyzer.model import CLOUDWATCH, Excerpt
from analyzer.report.advice import deployable
from analyzer.report.document import Receipt, Snippet

REQUEST_ID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# What unpacks a file of such a name. `gzip -f` hands on what is not packed; the others are told by their names.
UNPACK = {"zst": "zstd -dcfq", "bz2": "bzip2 -dc", "xz": "xz -dcf"}
ARCHIVES = re.compile(r"(?P<archive>.*?\.(?P<kind>zip|tar|tgz|tar\.(?:gz|bz2|xz|zst)))!(?P<member>.*)", re.DOTALL)
LONGEST = 500


def receipt(function: str, excerpt: Excerpt) -> Receipt:
    """The line with the two ways to it, each where there is one."""
    return Receipt(
        function=function,
        text=excerpt.message,
        source=excerpt.source,
        position=excerpt.position,
        time=excerpt.time,
        command=_command(excerpt.source, excerpt.position),
        insights=_insights(function, excerpt.request_id),
    )


def _command(source: str, position: int) -> Snippet | None:
    """Prints the line. None for what was in no file, which is gone, and for a name that a terminal would not show as it is."""
    if source == "-" or source.startswith(CLOUDWATCH) or not source.isprintable():
        return None
    reading = _reading(source)
    return Snippet("sh", f"{reading} | tail -c +{position + 1} | head -n 1 | cut -c 1-{LONGEST}")


def _reading(source: str) -> str:
    if match := ARCHIVES.fullmatch(source):
        archive, member = shlex.quote(_path(match["archive"])), match["member"]
        packed = f" | {_unpack(member)}" if member.rpartition(".")[2] in (*UNPACK, "gz") else ""
        if match["kind"] == "zip":
            # unzip takes names for patterns.
            pattern = re.sub(r"[\[*?]", r"[\g<0>]", member)
            return f"unzip -p {archive} {shlex.quote(pattern)}{packed}"
        return f"tar -xOf {archive} -- {shlex.quote(member)}{packed}"
    if source.startswith("s3://"):
        return f"aws s3 cp {shlex.quote(source)} - | {_unpack(source)}"
    return f"{_unpack(source)} {shlex.quote(_path(source))}"


def _path(source: str) -> str:
    """A name that no tool takes for an option."""
    return f"./{source}" if source.startswith("-") else source


def _unpack(name: str) -> str:
    return UNPACK.get(name.rpartition(".")[2], "gzip -dcf")


def _insights(function: str, request_id: str | None) -> Snippet | None:
    """All lines of the invocation. The log group is the one that Lambda gives a function unless it is told another."""
    if request_id is None or not REQUEST_ID.fullmatch(request_id) or not deployable(function):
        return None
    return Snippet(
        "text",
        f"SOURCE '/aws/lambda/{function}'\n| fields @timestamp, @message\n| filter @requestId = '{request_id}'\n"
        "| sort @timestamp asc\n| limit 100",
    )
