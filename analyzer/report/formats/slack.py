"""The first lines of a report as a Slack message: Block Kit JSON for an incoming webhook.

Text from logs stands in `plain_text` objects alone, where nothing is a mention, a link or bold.
https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from analyzer import figures
from analyzer.model import SEVERITIES, Measured
from analyzer.report.document import Finding, Report
from analyzer.report.escape import cut, visible
from analyzer.report.formats.format import Format
from analyzer.report.words import limit

# Slack's limits, in characters.
HEADER, SECTION, FIELD = 150, 3_000, 2_000
# A message that fills more than a screen is not read.
MOST_FINDINGS = 5
MOST_ACTIONS = 3
NUMBERS = (("slow", "breach.rate"), ("failed", "failure.rate"), ("p50", "duration.p50"), ("p95", "duration.p95"))
MARKS = {"critical": ":red_circle:", "warning": ":large_orange_circle:", "info": ":large_blue_circle:"}


def write(report: Report) -> bytes:
    """`curl -H 'Content-Type: application/json' -d @slack.json WEBHOOK` posts it."""
    findings = [
        finding
        for cause in report.causes
        for finding in cause.findings
        if finding.hypothesis.verdict == "supported" and finding.hypothesis.suppressed is None
    ]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.hypothesis.severity))
    # What notifications show is read as markup, so that no text from logs stands in it.
    text = f"Lambda {report.kind.replace('-', ' ')}: {report.status}, supported findings: {len(findings)}"
    message = {"text": text, "unfurl_links": False, "unfurl_media": False, "blocks": list(_blocks(report, findings))}
    return json.dumps(message, indent=2, ensure_ascii=False).encode() + b"\n"


def _blocks(report: Report, findings: list[Finding]) -> Iterator[dict[str, Any]]:
    yield {"type": "header", "text": _plain(HEADER, f"{report.subject}: {report.status}")}
    fields = [_plain(FIELD, f"{name}: {figures.write_measured(number)}") for name, number in _numbers(report)]
    if fields:
        yield {"type": "section", "fields": fields}
    for finding in findings[:MOST_FINDINGS]:
        one = finding.hypothesis
        yield {"type": "context", "elements": [{"type": "mrkdwn", "text": f"{MARKS[one.severity]} *{one.severity}*"}]}
        why = " ".join(sign.text for sign in one.signs_for)
        do = (f"• {action.title}" for action in one.actions[:MOST_ACTIONS])
        yield {"type": "section", "text": _plain(SECTION, f"{finding.function}: {one.title}. {why}", *do)}
    if len(findings) > MOST_FINDINGS:
        yield {"type": "context", "elements": [_plain(SECTION, f"{len(findings) - MOST_FINDINGS} more in the report")]}
    begin, end = report.period.begin or "unknown", report.period.end or "unknown"
    yield {"type": "context", "elements": [_plain(SECTION, f"{begin} to {end} · {report.generator}")]}


def _numbers(report: Report) -> Iterator[tuple[str, Measured]]:
    for name, metric in NUMBERS:
        found = report.overall.metrics.get(metric)
        if isinstance(found, list):
            found = next(one for one in found if one.threshold == report.headline)
            name = f"longer than {limit(report.headline)}"
        if found is not None and found.value is not None:
            yield name, found


def _plain(most: int, *lines: str) -> dict[str, Any]:
    """At most `most` characters."""
    return {"type": "plain_text", "emoji": False, "text": cut("\n".join(visible(line).strip() for line in lines), most)}


FORMAT = Format(name="slack", file="slack.json", usual=False, write=write)
