"""The alarms as Terraform, to lie beside the resources of the functions."""

from __future__ import annotations

from analyzer.report.document import Report
from analyzer.report.formats.format import Format


def write(report: Report) -> bytes | None:
    return report.alarms_terraform.text.encode() + b"\n" if report.alarms_terraform else None


FORMAT = Format(name="terraform", file="alarms.tf", usual=True, write=write)
