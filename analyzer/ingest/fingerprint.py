"""A stable id for messages that say the same thing about different requests."""

from __future__ import annotations

import hashlib
import re

# What varies from call to call, the longest shapes first. The order matters: a UUID is also hex, hex is also a number.
MASKS = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\bhttps?://[^\s'\"<>]+"), "<url>"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<email>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<ip>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<hex>"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "<text>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
)
# Beyond this a message is a dump; its beginning tells what it is.
SIGNIFICANT = 2_000


def mask(message: str) -> str:
    """The first line of a message with everything that varies replaced by what it is.

    Only the first line: the frames of a stack move with every release, the error does not.
    """
    text = message.lstrip()[:SIGNIFICANT].partition("\n")[0].partition("\r")[0]
    for pattern, name in MASKS:
        text = pattern.sub(name, text)
    return text.strip()


def fingerprint(error_type: str | None, message: str) -> str:
    """Twelve hexadecimal digits that stay the same as long as the masked message does."""
    return hashlib.sha256(f"{error_type or ''}\x1f{mask(message)}".encode()).hexdigest()[:12]
