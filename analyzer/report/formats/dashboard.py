"""The CloudWatch dashboard, as `aws cloudwatch put-dashboard --dashboard-body file://dashboard.json` takes it."""

from __future__ import annotations

from analyzer.report.document import Report
from analyzer.report.formats.format import Format


def write(report: Report) -> bytes | None:
    return report.dashboard.text.encode() + b"\n" if report.dashboard else None


FORMAT = Format(name="dashboard", file="dashboard.json", usual=True, write=write)
