"""How a Lambda function is named: by its log group, by its log stream, or by its ARN. Nowhere else is this decided."""

from __future__ import annotations

import re

# Lambda@Edge logs in every region under the name of the region where the function was made.
EDGE = r"(?:[a-z]{2}(?:-[a-z]+)+-\d\.)?"
GROUP = re.compile(rf"/aws/lambda/{EDGE}(?P<function>[\w-]{{1,140}})")
# Where several functions share a log group, their streams carry the name: 2026/03/17/checkout[$LATEST]4eeec71d...
STREAM = re.compile(
    rf"\d{{4}}/\d\d/\d\d/{EDGE}(?P<function>[\w-]{{1,140}})\[(?:\$LATEST(?:\.PUBLISHED)?|[\w-]{{1,129}})\][0-9a-f]{{32}}"
)
ARN = re.compile(rf"arn:[\w-]+:lambda:[\w-]*:\d*:function:{EDGE}(?P<function>[\w-]{{1,140}})(?::.*)?")


def function_of(log_group: str | None, stream: str | None) -> str | None:
    """The function that writes to this log group and stream; None when neither says so."""
    match = GROUP.fullmatch(log_group or "") or STREAM.fullmatch(stream or "")
    return match["function"] if match else None


def function_of_arn(arn: str | None) -> str | None:
    """The function's name in arn:aws:lambda:region:account:function:NAME[:version]."""
    match = ARN.fullmatch(arn or "")
    return match["function"] if match else None
