"""The report as one HTML page that needs nothing else: no network, no second file, light and dark, phone and paper.

It is the Markdown report rendered, so that the two cannot say different things. Log text in it is escaped already; a
content security policy that allows no request and no script but the one below stands behind that.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

ASSETS = Path(__file__).parent / "assets"
SLUG = re.compile(r"[^\w\- ]")


class Picture(Struct, frozen=True):
    """A chart: the name of its file, what it shows, and its SVG."""

    file: str
    title: str
    svg: bytes


def page(markdown: str, pictures: Iterable[Picture], generator: str) -> str:
    """`markdown` as a page with `pictures` inside it."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = parser.parse(markdown)
    drawn = {picture.file: picture for picture in pictures}
    contents: list[tuple[str, str]] = []
    title = ""
    for token, inner in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and inner is not None:
            text = _text(inner.content)
            token.attrSet("id", _slug(text))
            title = title or text
            if token.tag == "h2":
                contents.append((_slug(text), text))
        for child in token.children or []:
            if child.type == "image" and child.attrs["src"] in drawn:
                picture = drawn[str(child.attrs["src"])]
                child.attrSet("src", "data:image/svg+xml;base64," + base64.b64encode(picture.svg).decode())
                child.attrSet("class", "chart")
    body = parser.renderer.render(tokens, parser.options, {})
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    style, script = ((ASSETS / name).read_text("utf-8") for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    links = "".join(f'<li><a href="#{slug}">{html.escape(text)}</a></li>' for slug, text in contents)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="{html.escape(generator)}">
<title>{html.escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<nav aria-label="Contents"><ol>{links}</ol></nav>
<main>
{body}</main>
<script>{script}</script>
</body>
</html>
"""


def _text(content: str) -> str:
    """A heading without what Markdown needs in it."""
    return re.sub(r"\\(.)", r"\1", content).replace("`", "")


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return SLUG.sub("", heading.lower()).replace(" ", "-")
