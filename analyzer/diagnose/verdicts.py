"""A rule and the numbers of one function in, a hypothesis with a verdict out."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from analyzer import figures
from analyzer.diagnose.conditions import Numbers, Truth, holds, likely, metrics_of, undecided
from analyzer.diagnose.rule import FUNCTION, PLACEHOLDER, Rule, RuleAction, RuleSign
from analyzer.diagnose.vocabulary import VOCABULARY
from analyzer.model import (
    SEVERITIES,
    VERDICTS,
    Action,
    Expected,
    FunctionMeasurements,
    Hypothesis,
    Reason,
    Sign,
    Verdict,
)

# A hypothesis counts as supported from this probability on.
SUPPORTED = 0.80
LEAST, MOST = 0.01, 0.99
# Of a cause that logs cannot price: the least part that is worth a word.
UNKNOWN_SHARE = 0.10
# A consequence that costs so many times what its causes do has other causes too.
OUTGROWN = 2.0
AT_MOST: dict[Verdict, float] = {"weak": 0.79, "not-supported": 0.49, "refuted": LEAST}


def diagnose(function: FunctionMeasurements, rules: list[Rule]) -> list[Hypothesis]:
    """Every hypothesis for one function, in the order of their rank."""
    from msgspec.structs import replace

    hypotheses = [
        replace(examine(rule, function.name, function.metrics), impact=function.impacts.get(rule.id)) for rule in rules
    ]
    supported = {one.id: one for one in hypotheses if one.verdict == "supported"}
    consequences = set[str]()
    for rule in rules:
        causes = [supported[cause] for cause in rule.follows if cause in supported]
        if causes and not (rule.id in supported and _outgrows(supported[rule.id], causes)):
            consequences.add(rule.id)
    # The prior stands in the probability of what could not be tested: there the commoner cause comes first.
    ordered = sorted(
        hypotheses,
        key=lambda one: (
            VERDICTS.index(one.verdict),
            one.id in consequences,
            -_cost(one),
            -one.probability,
            SEVERITIES.index(one.severity),
            one.id,
        ),
    )
    return [replace(one, rank=number) for number, one in enumerate(ordered, start=1)]


def _outgrows(one: Hypothesis, causes: list[Hypothesis]) -> bool:
    """Whether it is as grave as all that it could follow from, and costs so much more that it does not come from them alone."""
    grave = all(SEVERITIES.index(one.severity) <= SEVERITIES.index(cause.severity) for cause in causes)
    return grave and _share(one) > OUTGROWN * sum(_share(cause) for cause in causes)


def _cost(one: Hypothesis) -> float:
    """What a cause can be expected to cost: its probability times its part of all time, requests or money."""
    return one.probability * _share(one) if one.verdict in ("supported", "weak") else 0.0


def _share(one: Hypothesis) -> float:
    return UNKNOWN_SHARE if one.impact is None else one.impact.share


def examine(rule: Rule, function: str, numbers: Numbers) -> Hypothesis:
    """Hold one rule against the numbers of one function."""
    probability = _probability(rule, numbers)
    verdict, reason, text = _verdict(rule, numbers, probability)
    if verdict == "untestable":
        probability = rule.prior
    elif verdict != "supported":
        # What was said in words is not contradicted by the number.
        probability = min(probability, AT_MOST[verdict])

    def say(template: str) -> str:
        return fill(template, function, numbers)

    return Hypothesis(
        id=rule.id,
        title=rule.title,
        statement=say(rule.hypothesis),
        rank=0,
        verdict=verdict,
        probability=round(probability, 3),
        severity=rule.severity,
        explains=list(rule.explains),
        reason=reason,
        reason_text=say(text) if text else None,
        signs_for=[
            _sign(sign, say, numbers) for sign in rule.signs_for if holds(sign.condition, numbers) is Truth.TRUE
        ],
        signs_against=[
            _sign(sign, say, numbers) for sign in rule.signs_against if holds(sign.condition, numbers) is Truth.TRUE
        ],
        missing=[Sign(text=VOCABULARY[metric][1], metric=metric) for metric in _missing(rule, numbers)],
        refuted_by=say(rule.refuted_by),
        settled_by=say(rule.settled_by),
        actions=[_action(action, say, numbers) for action in rule.actions if _applies(action, verdict, numbers)],
        references=list(rule.references),
        fingerprint=hashlib.sha256(f"{function}\x1f{rule.id}".encode("utf-8", "surrogatepass")).hexdigest()[:12],
    )


def fill(template: str, function: str, numbers: Numbers) -> str:
    """`template` with every {metric} replaced by its value. Only names are looked up: nothing in it is evaluated."""

    def value(name: str) -> str:
        if name == FUNCTION:
            # A backtick would pair with those that set off code in the rule's own words.
            return function.replace("`", "'")
        measured = numbers.get(name)
        return "an unknown value" if measured is None or measured.value is None else figures.write_measured(measured)

    return PLACEHOLDER.sub(lambda match: value(match[1]), template)


def _verdict(rule: Rule, numbers: Numbers, probability: float) -> tuple[Verdict, Reason | None, str | None]:
    """The verdict, and for what is untestable its reason: the first that applies."""
    if rule.refuted is not None and holds(rule.refuted, numbers) is Truth.TRUE:
        return "refuted", None, None
    truth = holds(rule.supported, numbers)
    if truth is Truth.TRUE:
        return ("supported" if probability >= SUPPORTED else "weak"), None, None
    for gap in rule.gaps:
        if holds(gap.condition, numbers) is Truth.TRUE:
            return "untestable", gap.reason, gap.say
    if truth is Truth.FALSE:
        return "not-supported", None, None
    absent = _missing(rule, numbers)
    if absent:
        return "untestable", "U3", f"Not measured: {VOCABULARY[absent[0]][1]}."
    if likely(rule.supported, numbers) is Truth.TRUE:
        return "weak", None, "The estimates reach the limits of the rule, their intervals do not."
    return "untestable", "U2", "The intervals lie on both sides of the limits of the rule: more invocations would tell."


def _missing(rule: Rule, numbers: Numbers) -> list[str]:
    """The metrics without which the rule's main condition stays open."""
    if rule.refuted and holds(rule.refuted, numbers) is Truth.TRUE:
        return []
    return [name for name in undecided(rule.supported, numbers) if name not in numbers or numbers[name].value is None]


@cache
def weights() -> dict[str, float]:
    """Likelihood ratios: of the signs by strength, and of the rule's main condition by what is known of it.

    The shipped rules have factors of their own for the latter, as in "holds cold-start".
    """
    table: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "weights.yaml").read_text("utf-8"))
    own = table.pop("rules")
    return table | {own_weight(state, rule): ratio for rule, states in own.items() for state, ratio in states.items()}


def own_weight(state: str, rule: str) -> str:
    """The name of the factor by which `state` of the main condition weighs more, or less, in this rule than in others."""
    return f"{state} {rule}"


def signs(rule: Rule, numbers: Numbers) -> Counter[str]:
    """How often each weight counts for this rule: signs against count negatively."""
    counted = Counter[str]()
    match holds(rule.supported, numbers):
        case Truth.TRUE:
            counted.update(("holds", own_weight("holds", rule.id)))
        case Truth.FALSE:
            counted["fails"] = 1
        case Truth.OPEN if likely(rule.supported, numbers) is Truth.TRUE:
            counted.update(("reached", own_weight("reached", rule.id)))
    for found, direction in ((rule.signs_for, 1), (rule.signs_against, -1)):
        for sign in found:
            if holds(sign.condition, numbers) is Truth.TRUE:
                counted[sign.strength] += direction
    return counted


def _probability(rule: Rule, numbers: Numbers) -> float:
    """Prior odds times the weight of the main condition and of every sign for, over that of every sign against."""
    log_odds = math.log(rule.prior / (1 - rule.prior))
    log_odds += sum(times * math.log(weights().get(name, 1.0)) for name, times in signs(rule, numbers).items())
    return min(MOST, max(LEAST, 1 / (1 + math.exp(-max(-100.0, log_odds)))))


def _sign(sign: RuleSign, say: Any, numbers: Numbers) -> Sign:
    metric = next((name for name in metrics_of(sign.condition) if name in numbers), None)
    return Sign(text=say(sign.say), metric=metric, evidence=numbers[metric].evidence if metric else None)


def _applies(action: RuleAction, verdict: Verdict, numbers: Numbers) -> bool:
    return verdict in action.verdicts and (action.condition is None or holds(action.condition, numbers) is Truth.TRUE)


def _action(action: RuleAction, say: Any, numbers: Numbers) -> Action:
    return Action(
        title=say(action.title),
        effort=action.effort,
        why=say(action.why),
        settings={name: _setting(value, numbers) for name, value in action.settings.items()},
        expected=_expected(action, numbers),
    )


def _setting(value: Any, numbers: Numbers) -> Any:
    """A literal, or {metric}, whose value is then a whole number; None where it was not measured."""
    if isinstance(value, dict):
        return {key: _setting(inner, numbers) for key, inner in value.items()}
    match = PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    measured = numbers.get(match[1])
    return None if measured is None or measured.value is None else round(measured.value)


def _expected(action: RuleAction, numbers: Numbers) -> Expected | None:
    if action.expected is None:
        return None
    measured, factor = numbers.get(action.expected.metric), _factor(action.expected.factor, numbers)
    if measured is None or measured.value is None or factor is None:
        return None
    best, middle, worst = factor
    return Expected(
        metric=measured.metric,
        unit=measured.unit,
        value=measured.value * middle,
        low=measured.value * best,
        high=measured.value * worst,
        basis=action.expected.basis,
    )


def _factor(factor: tuple[float, float] | str, numbers: Numbers) -> tuple[float, float, float] | None:
    """At best, in the middle and at worst; None where the measured factor has no limits."""
    if not isinstance(factor, str):
        best, worst = sorted(factor)
        return best, (best + worst) / 2, worst
    measured = numbers.get(factor)
    if measured is None or measured.value is None or measured.low is None or measured.high is None:
        return None
    return measured.low, measured.value, measured.high
