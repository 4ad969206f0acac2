"""The alarms as a CloudFormation template, for `aws cloudformation deploy --template-file alarms.yaml`."""

from __future__ import annotations

from analyzer.report.document import Report
from analyzer.report.formats.format import Format


def write(report: Report) -> bytes | None:
    return report.alarms_template.text.encode() + b"\n" if report.alarms_template else None


FORMAT = Format(name="cloudformation", file="alarms.yaml", usual=True, write=write)
