"""Measurements and hypotheses in, report files out."""

from analyzer.report.compose import compose
from analyzer.report.document import Report
from analyzer.report.render import Templates, render

__all__ = ["Report", "Templates", "compose", "render"]
