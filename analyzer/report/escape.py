"""Makes text from logs inert in GitHub-flavoured Markdown: it shows as it is and forms no structure.

A template prints nothing that is not `Markdown`; what is not becomes so here.
"""

from __future__ import annotations

import re
import unicodedata


class Markdown(str):
    """Text that is safe to put into Markdown as it stands."""

    __slots__ = ()

    def __add__(self, other: str) -> Markdown:
        """Safe only with what is safe; anything else is escaped first."""
        return Markdown(str.__add__(self, other if isinstance(other, Markdown) else markdown(other)))


# Characters that can open or close something in the middle of a line. An underscore inside a word and a single hyphen
# cannot, and names such as data-processing-pipeline stay readable in the source.
SPECIAL = re.compile(
    r"[\\`*\[\]<>|~&#]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=[Ww][Ww][Ww])\.|@(?=\w)|\$(?=`)|:(?=[\w+-]+:)"
)
# What means something at the beginning of a line only.
LINE_START = re.compile(r"^(\s*)([-+=:]|\d+(?=[.)]))")
# A list marker needs white space behind it, which the template may bring; "90.9 %" is none.
ORDERED = re.compile(r"^(\d+)([.)])(?=\s|$)")
# Invisible, or moving the cursor or the direction of text: controls, formats (bidi, zero width), surrogates, private use.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
BREAKS = re.compile(r"([\n\t])")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def visible(text: str) -> str:
    """One line: white space becomes a space, and every other character that cannot be seen a replacement character."""
    return _seen(re.sub(r"\s+", " ", text))


def visible_lines(text: str) -> str:
    """`text` with its line breaks and tabs, and every other character that cannot be seen replaced."""
    return "".join(part if part in "\n\t" else _seen(part) for part in BREAKS.split(text))


def _seen(line: str) -> str:
    # Python calls the same categories not printable; nearly every text has none of them.
    if line.isprintable():
        return line
    return "".join(REPLACEMENT if unicodedata.category(one) in UNSEEN else one for one in line)


def markdown(text: str) -> Markdown:
    """`text` as one line of Markdown that reads the same and means nothing."""
    escaped = SPECIAL.sub(lambda match: f"\\{match[0]}", visible(text).strip(" "))
    escaped = ORDERED.sub(r"\1\\\2", escaped)
    if escaped[:1] in ("-", "+", "=", ":"):
        escaped = f"\\{escaped}"
    return Markdown(escaped)


def code_span(text: str) -> Markdown:
    """`text` in a code span, also inside a table, where a pipe would end the cell even in code."""
    content = visible(text).replace("|", "\N{BROKEN BAR}").strip(" ") or " "
    fence = "`" * (_longest_run(content) + 1)
    pad = " " if content.startswith("`") or content.endswith("`") else ""
    return Markdown(f"{fence}{pad}{content}{pad}{fence}")


def code_block(text: str, language: str = "") -> Markdown:
    """`text` in a fenced block whose fence it cannot close."""
    lines = visible_lines(text.rstrip("\n"))
    fence = "`" * max(3, _longest_run(lines) + 1)
    return Markdown(f"{fence}{re.sub(r'[^a-z]', '', language)}\n{lines}\n{fence}")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
