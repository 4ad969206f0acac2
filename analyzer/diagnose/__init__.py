"""Measurements of a function and rules in, hypotheses with a verdict out."""

from analyzer.diagnose.rule import Rule, load_rules
from analyzer.diagnose.selftest import run_tests
from analyzer.diagnose.verdicts import diagnose

__all__ = ["Rule", "diagnose", "load_rules", "run_tests"]
