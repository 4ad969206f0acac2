"""Fits the weights of evidence to simulated cases of the tuning ranges, and writes them into analyzer/diagnose/weights.yaml.

Logistic regression of "this hypothesis holds" on what the rule found, one row for each rule and case that could be tested. The
priors of the rules stay as they are; the weights are drawn towards those that were set by judgement before, so that a sign
which hardly occurred keeps its own. What cannot change its sign: evidence for a hypothesis never speaks against it. Each rule
has two factors of its own, for where its main condition holds and for where only the estimates reach it, drawn towards 1.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from analyzer.diagnose import Rule, load_rules
from analyzer.diagnose.verdicts import examine, own_weight, signs
from analyzer.resources import shipped
from analyzer.simulate import pairs, scenarios
from benchmarks.truth.cases import MeasuredCase, Spec, made

PATH = Path(__file__).parents[2] / "analyzer" / "diagnose" / "weights.yaml"
# Every scenario with so many seeds, and every two faults with one, at each of these sizes.
SIZES, SEEDS, FIRST_SEED = (250, 2_000), 2, 103
# Likelihood ratios as they were set by judgement.
JUDGED = {"direct": 50.0, "strong": 10.0, "moderate": 4.0, "weak": 2.0, "holds": 3.0, "reached": 2.0, "fails": 0.05}
MEANING = {
    "direct": "a line in which the platform or the code itself names the cause",
    "strong": "a sign that hardly occurs otherwise",
    "moderate": "",
    "weak": "",
    "holds": "the rule's main condition holds for the whole interval",
    "reached": "the estimates reach it, their intervals do not",
    "fails": "none of the interval satisfies it",
}
# How far the logarithm of a weight may lie from the judged one before the distance costs as much as a wrong verdict.
WIDTH = 1.0
# And that of a rule's own factor from 1.
OWN_WIDTH = 0.7
STATES = ("holds", "reached")


def specs() -> list[Spec]:
    singles = [(name, FIRST_SEED + seed) for name in scenarios() for seed in range(SEEDS)]
    doubles = [(name, FIRST_SEED) for name in pairs("tuning")]
    return [Spec(name, seed, size, "tuning", text=False) for size in SIZES for name, seed in singles + doubles]


def names(rules: list[Rule]) -> list[str]:
    """The weights in the order of their columns: those of all rules, then those of each."""
    return [*JUDGED, *(own_weight(state, rule.id) for rule in rules for state in STATES)]


def rows(cases: Sequence[MeasuredCase], rules: list[Rule]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts of each weight, log odds of the prior, and what is true."""
    counts, priors, true = [], [], []
    for case in cases:
        for rule in rules:
            if examine(rule, "", case.metrics).verdict in ("untestable", "refuted"):
                continue
            found = signs(rule, case.metrics)
            counts.append([found[name] for name in names(rules)])
            priors.append(math.log(rule.prior / (1 - rule.prior)))
            true.append(rule.id in case.true)
    return np.array(counts, float), np.array(priors), np.array(true)


def fit(counts: np.ndarray, priors: np.ndarray, true: np.ndarray, rules: list[Rule]) -> dict[str, float]:
    every = names(rules)
    judged = np.log([JUDGED.get(name, 1.0) for name in every])
    widths = np.array([WIDTH if name in JUDGED else OWN_WIDTH for name in every])

    def cost(weights: np.ndarray) -> float:
        odds = priors + counts @ weights
        return float(
            np.logaddexp(0, np.where(true, -odds, odds)).sum() + (((weights - judged) / widths) ** 2).sum() / 2
        )

    # A factor of one rule may lie on either side of 1.
    bounds = dict.fromkeys(every, (None, None)) | dict.fromkeys(JUDGED, (0.0, None)) | {"fails": (None, 0.0)}
    found = minimize(cost, judged, method="L-BFGS-B", bounds=[bounds[name] for name in every])
    return dict(zip(every, np.exp(found.x), strict=True))


def written(weights: dict[str, float], rules: list[Rule], cases: int, verdicts: int) -> str:
    head = (
        "# How much more often each is seen where the hypothesis is true than where it is not: likelihood ratios.\n"
        f"# Fitted by benchmarks/truth/weights.py to {verdicts} verdicts on {cases} simulated cases of the tuning ranges, and\n"
        "# drawn towards the values that judgement had set (in brackets), so that what is rare in the cases stays near those.\n"
    )
    lines = [
        f"{name}: {_short(weights[name])}  # ({JUDGED[name]:g}){' ' if MEANING[name] else ''}{MEANING[name]}\n"
        for name in JUDGED
    ]
    own = [
        f"  {rule.id}: {{{', '.join(f'{state}: {_short(weights[own_weight(state, rule.id)])}' for state in STATES)}}}\n"
        for rule in rules
    ]
    between = "# Factors beside those, of each rule: above 1 where the same says more than in other rules.\nrules:\n"
    return head + "".join(lines) + between + "".join(own)


def _short(value: float) -> str:
    return f"{float(f'{value:.2g}'):g}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the weights of evidence to simulated cases.")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder in which measured cases are kept")
    chosen = parser.parse_args()
    rules = load_rules(shipped("rules"))
    cases = list(made(specs(), chosen.jobs, chosen.keep))
    counts, priors, true = rows(cases, rules)
    PATH.write_text(written(fit(counts, priors, true, rules), rules, len(cases), len(true)), "utf-8")
    print(PATH.read_text("utf-8"))


if __name__ == "__main__":
    main()
