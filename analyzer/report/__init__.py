"""Measurements and hypotheses in, report files out."""

from analyzer.report.beside import second_process
from analyzer.report.budget import Objective
from analyzer.report.compose import compose
from analyzer.report.document import Asked, Earlier, Report
from analyzer.report.earlier import changes, earlier, open_report
from analyzer.report.render import Output, Templates, render, to_json

__all__ = [
    "Asked",
    "Earlier",
    "Objective",
    "Output",
    "Report",
    "Templates",
    "changes",
    "compose",
    "earlier",
    "open_report",
    "render",
    "second_process",
    "to_json",
]
