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
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from msgspec import Struct

from analyzer.report.drawing import ALARM, INK, LINE, PAPER

if TYPE_CHECKING:
    from markdown_it.token import Token

ASSETS = Path(__file__).parent / "assets"
SLUG = re.compile(r"[^\w\- ]")
# The colours of a picture that are those of the page, by the names that its style sheet gives them in light and in the dark.
PAGE_COLOURS = {INK: "--ink", PAPER: "--paper", LINE: "--line", ALARM: "--mark"}
COLOUR = re.compile("|".join(PAGE_COLOURS), re.IGNORECASE)
# How one part of a picture refers to another.
REFERENCE = re.compile(r"(?<=url\(#)[\w-]+(?=\))")
# What a picture needs as a file and not as a part of a page: its title stands on the figure.
NOT_INLINE = ("metadata", "style", "title")


class Picture(Struct, frozen=True):
    """A chart: what kind of thing it shows, the name of its file, what is to be seen in it, and its SVG."""

    kind: str
    file: str
    title: str
    svg: bytes


def page(markdown: str, pictures: Iterable[Picture], generator: str) -> str:
    """`markdown` as a page with `pictures` inside it."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = parser.parse(markdown)
    contents: list[tuple[str, str]] = []
    title = ""
    _draw(tokens, {picture.file: picture for picture in pictures})
    for token, inner in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and inner is not None:
            text = _text(inner.content)
            token.attrSet("id", _slug(text))
            title = title or text
            if token.tag == "h2":
                contents.append((_slug(text), text))
    body = parser.renderer.render(tokens, parser.options, {})
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    style, script = ((ASSETS / name).read_text("utf-8") for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
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


def _draw(tokens: list[Token], drawn: dict[str, Picture]) -> None:
    """Put the figure in place of a paragraph that holds nothing but its image."""
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        children = token.children or []
        if len(children) == 1 and children[0].type == "image" and children[0].attrs["src"] in drawn:
            before.hidden = after.hidden = True
            children[0].type = "html_inline"
            children[0].content = _figure(drawn[str(children[0].attrs["src"])])


def _figure(picture: Picture) -> str:
    """The picture as a part of the page: in the page's colours, and without names but those that it refers to itself."""
    root = ElementTree.fromstring(picture.svg)
    for child in [child for child in root if child.tag.rpartition("}")[2] in NOT_INLINE]:
        root.remove(child)
    for size in ("width", "height"):
        root.attrib.pop(size)
    referred: set[str] = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            referred.update([value[1:]] if name.endswith("href") else REFERENCE.findall(value))

    def own(name: str, value: str) -> str:
        """An attribute's value with the names of this picture and the colours of the page."""
        if name == "id":
            return f"{picture.kind}-{value}"
        if name == "href":
            return f"#{picture.kind}-{value[1:]}"
        if name == "style":
            value = COLOUR.sub(lambda match: f"var({PAGE_COLOURS[match[0].upper()]})", value)
        return REFERENCE.sub(lambda match: f"{picture.kind}-{match[0]}", value)

    for element in root.iter():
        # In a page the parser knows what belongs to SVG without being told.
        element.tag = element.tag.rpartition("}")[2]
        attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update(
            (name, own(name, value)) for name, value in attributes.items() if name != "id" or value in referred
        )
    drawn = ElementTree.tostring(root, encoding="unicode")
    return f'<figure class="chart" aria-label="{html.escape(picture.title)}">{drawn}</figure>'


def _text(content: str) -> str:
    """A heading without what Markdown needs in it."""
    return re.sub(r"\\(.)", r"\1", content).replace("`", "")


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return SLUG.sub("", heading.lower()).replace(" ", "-")
