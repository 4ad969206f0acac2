"""Measurements and hypotheses in, report files out."""

from analyzer.report.compose import compose
from analyzer.report.document import Report
from analyzer.report.render import Output, Templates, render

__all__ = ["Output", "Report", "Templates", "compose", "render"]
