"""Measurements and hypotheses in, report files out."""

from analyzer.report.compose import compose
from analyzer.report.document import Asked, Report
from analyzer.report.render import Output, Templates, render, to_json

__all__ = ["Asked", "Output", "Report", "Templates", "compose", "render", "to_json"]
