"""Measurements of a function and rules in, hypotheses with a verdict out."""

from analyzer.diagnose.rule import Rule, check_references, load_rules
from analyzer.diagnose.selftest import run_tests
from analyzer.diagnose.verdicts import diagnose
from analyzer.diagnose.vocabulary import VOCABULARY

__all__ = ["VOCABULARY", "Rule", "check_references", "diagnose", "load_rules", "run_tests"]
