"""One rule held against the numbers of one function: its verdict, its reasons, and what it says to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from analyzer import resources
from analyzer.diagnose import Rule, diagnose, load_rules, verdicts
from analyzer.model import Action, FunctionMeasurements, Hypothesis, Impact, Measured

MakeRule = Callable[..., Rule]
STRENGTHS = {"direct": 50, "strong": 10, "moderate": 4, "weak": 2}
# Round ones, which no new fit moves; what is known of the main condition counts for nothing but where a test says so.
WEIGHTS = STRENGTHS | {"holds": 1, "reached": 1, "fails": 1}


@pytest.fixture(autouse=True)
def round_weights(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    known = dict[str, float](WEIGHTS)
    monkeypatch.setattr(verdicts, "weights", lambda: known)
    return known


@pytest.fixture
def make_rule(tmp_path: Path) -> MakeRule:
    """A rule that is supported from 3 s and refuted below 1 s, but for the parts that a test states."""

    def make(name: str = "mine", **parts: Any) -> Rule:
        content = {
            "id": name,
            "title": "A slow neighbour",
            "severity": "warning",
            "explains": ["slow"],
            "hypothesis": "Calls of {function} wait for a neighbour.",
            "prior": 0.5,
            "supported_when": "duration.p50 >= 3 s",
            "refuted_when": "duration.p50 < 1 s",
            "evidence": {"for": [{"if": "duration.p50 >= 3 s", "strength": "strong", "say": "It is slow."}]},
            "refuted_by": "fast calls.",
            "settled_by": "traces.",
            "tests": [],
        }
        # JSON is YAML.
        (tmp_path / f"{name}.yaml").write_text(json.dumps(content | parts))
        return {rule.id: rule for rule in load_rules(tmp_path)}[name]

    return make


def measured(metric: str, *ends: float | None, **values: Any) -> Measured:
    """A fact, or an interval around an estimate in its middle; an end that is None has no limit."""
    low, high = ends if len(ends) == 2 else (*ends, *ends)
    known = [end for end in (low, high) if end is not None]
    number: dict[str, Any] = {
        "value": sum(known) / len(known) if known else None,
        "low": low,
        "high": high,
        "unit": "ms",
        "n": 100,
        "population": "all invocations",
        "evidence": "q1",
    }
    return Measured(metric=metric, **(number | values))


def not_estimable(metric: str) -> Measured:
    return measured(metric, None, note="too few")


def p50(*ends: float | None, **values: Any) -> Measured:
    return measured("duration.p50", *ends, **values)


def function(*numbers: Measured, name: str = "checkout") -> FunctionMeasurements:
    return FunctionMeasurements(
        name=name,
        invocations=100,
        metrics={one.metric: one for one in numbers},
        breaches=[],
        slices=[],
        runtimes=[],
        versions=[],
        memory_sizes=[],
        region=None,
        errors=[],
        alarms=[],
        behind={},
    )


def examined(rule: Rule, *numbers: Measured, name: str = "checkout") -> Hypothesis:
    (hypothesis,) = diagnose(function(*numbers, name=name), [rule])
    return hypothesis


def signs(*strengths: str) -> list[dict[str, str]]:
    """One sign of each strength, all of which hold wherever a median was measured."""
    return [{"if": "duration.p50 >= 0 s", "strength": strength, "say": strength} for strength in strengths]


# ── verdicts and their reasons ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("low", "high", "verdict", "reason"),
    [
        (4000, 5000, "supported", None),
        (3000, 3000, "supported", None),
        (100, 999, "refuted", None),
        (1000, 2999, "not-supported", None),
        (2000, 5000, "weak", None),
        (1500, 4000, "untestable", "U2"),
        (500, 2000, "not-supported", None),
        (0, 1_000_000, "weak", None),
    ],
)
def test_the_verdict_follows_the_interval(
    make_rule: MakeRule, low: float, high: float, verdict: str, reason: str | None
) -> None:
    found = examined(make_rule(), p50(low, high))
    assert (found.verdict, found.reason) == (verdict, reason)


def test_estimates_alone_make_a_hypothesis_weak_and_it_says_so(make_rule: MakeRule) -> None:
    found = examined(make_rule(), p50(2000, 5000))
    assert found.verdict == "weak"
    assert found.reason is None
    assert "their intervals do not" in (found.reason_text or "")


def test_an_estimate_on_the_other_side_leaves_it_untestable_for_too_few_invocations(make_rule: MakeRule) -> None:
    found = examined(make_rule(), p50(1500, 4000))
    assert (found.verdict, found.reason) == ("untestable", "U2")
    assert "more invocations would tell" in (found.reason_text or "")


def test_an_interval_with_one_end_can_support_and_never_refutes_on_the_open_side(make_rule: MakeRule) -> None:
    assert examined(make_rule(), p50(3500, None, value=4000)).verdict == "supported"
    assert examined(make_rule(), p50(None, 900, value=800)).verdict == "refuted"
    assert examined(make_rule(), p50(500, None, value=800)).verdict == "untestable"


def test_what_holds_but_is_improbable_is_weak(make_rule: MakeRule) -> None:
    rule = make_rule(evidence={"for": signs("strong"), "against": signs("strong")})
    assert examined(rule, p50(4000)).verdict == "weak"


def test_what_is_probable_but_does_not_hold_is_not_supported(make_rule: MakeRule) -> None:
    rule = make_rule(evidence={"for": signs("direct", "direct")})
    assert examined(rule, p50(2000)).verdict == "not-supported"


def test_refuting_comes_before_supporting(make_rule: MakeRule) -> None:
    rule = make_rule(refuted_when="oom.count == 0")
    assert examined(rule, p50(4000), measured("oom.count", 0, unit="count")).verdict == "refuted"
    assert examined(rule, p50(4000)).verdict == "supported"


def test_a_rule_that_says_nothing_of_refuting_is_never_refuted(make_rule: MakeRule) -> None:
    assert examined(make_rule(refuted_when=None), p50(1)).verdict == "not-supported"


GAPS = [
    {"when": "memory.sizes == 1", "reason": "U1", "say": "{function} ran at {memory.size}."},
    {"when": "memory.confounded == 1", "reason": "U4", "say": "The version changed too."},
]
ONE_SIZE = measured("memory.sizes", 1, unit="count")
CONFOUNDED = measured("memory.confounded", 1, unit="count")


def test_of_several_reasons_the_first_that_applies_is_given(make_rule: MakeRule) -> None:
    rule = make_rule(untestable=GAPS)
    size = measured("memory.size", 512, unit="MB")
    assert examined(rule, ONE_SIZE, CONFOUNDED, size).reason_text == "checkout ran at 512 MB."
    assert examined(rule, ONE_SIZE, CONFOUNDED).reason == "U1"
    assert examined(rule, CONFOUNDED).reason == "U4"
    assert examined(rule).reason == "U3"


def test_a_reason_counts_only_where_it_certainly_applies(make_rule: MakeRule) -> None:
    rule = make_rule(untestable=GAPS)
    assert examined(rule, measured("memory.sizes", 1, 2, unit="count")).reason == "U3"


def test_a_reason_goes_before_not_supported_and_after_what_was_shown(make_rule: MakeRule) -> None:
    rule = make_rule(untestable=GAPS)
    assert examined(rule, p50(2000)).verdict == "not-supported"
    assert examined(rule, p50(2000), ONE_SIZE).verdict == "untestable"
    assert examined(rule, p50(4000), ONE_SIZE).verdict == "supported"
    assert examined(rule, p50(100), ONE_SIZE).verdict == "refuted"


# ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────────────

TWO = {"all": ["duration.p50 >= 3 s", "init.p50 >= 1 s"]}


def missing(found: Hypothesis) -> list[str | None]:
    return [sign.metric for sign in found.missing]


@pytest.mark.parametrize("numbers", [[], [not_estimable("duration.p50")]], ids=["absent", "not estimable"])
def test_a_metric_without_which_nothing_can_be_said_is_named(make_rule: MakeRule, numbers: list[Measured]) -> None:
    found = examined(make_rule(), *numbers)
    assert (found.verdict, found.reason) == ("untestable", "U3")
    assert found.reason_text == "Not measured: median duration."
    assert [(sign.text, sign.metric, sign.evidence) for sign in found.missing] == [
        ("median duration", "duration.p50", None)
    ]


def test_everything_that_is_missing_is_named(make_rule: MakeRule) -> None:
    rule = make_rule(supported_when=TWO, refuted_when=None)
    assert missing(examined(rule)) == ["duration.p50", "init.p50"]
    assert missing(examined(rule, p50(4000))) == ["init.p50"]
    assert missing(examined(rule, p50(4000), not_estimable("init.p50"))) == ["init.p50"]


def test_nothing_is_missing_where_what_is_known_decides(make_rule: MakeRule) -> None:
    rule = make_rule(supported_when=TWO, refuted_when=None)
    found = examined(rule, p50(2000))
    assert (found.verdict, missing(found)) == ("not-supported", [])


def test_nothing_is_missing_from_what_is_refuted(make_rule: MakeRule) -> None:
    rule = make_rule(refuted_when="oom.count == 0")
    found = examined(rule, measured("oom.count", 0, unit="count"))
    assert (found.verdict, missing(found)) == ("refuted", [])


def test_what_could_not_change_the_answer_is_not_missing(make_rule: MakeRule) -> None:
    """The first part holds by the median; that the 95th percentile is absent is of no account."""
    either = {"any": ["duration.p50 >= 3 s", "duration.p95 >= 9 s"]}
    rule = make_rule(supported_when={"all": [either, "init.p50 >= 1 s"]}, refuted_when=None)
    found = examined(rule, p50(4000), measured("init.p50", 200, 1200))
    assert missing(found) == []
    assert (found.verdict, found.reason) == ("untestable", "U2")


def test_a_sign_is_missing_from_neither_side_where_its_metric_is(make_rule: MakeRule) -> None:
    evidence = {"for": [{"if": "init.p50 >= 1 s", "strength": "weak", "say": "It starts slowly."}]}
    found = examined(make_rule(evidence=evidence), p50(4000))
    assert (found.signs_for, found.signs_against, found.missing) == ([], [], [])


# ── the order ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_supported_come_first_and_the_refuted_last(make_rule: MakeRule) -> None:
    slow, fast = "duration.p50 >= 3 s", "duration.p50 >= 9 s"
    rules = [
        make_rule("e-supported"),
        make_rule("d-weak", evidence={}),
        make_rule("c-untestable", supported_when="init.p50 >= 1 s", prior=0.99),
        make_rule("b-not-supported", supported_when=fast, evidence={"for": signs("direct", "direct")}),
        make_rule("a-refuted", supported_when=fast, refuted_when=slow, severity="critical"),
    ]
    for order in permutations(rules):
        found = diagnose(function(p50(4000)), list(order))
        assert [one.id for one in found] == [rule.id for rule in rules]
        assert [one.verdict for one in found] == ["supported", "weak", "untestable", "not-supported", "refuted"]
        assert [one.rank for one in found] == [1, 2, 3, 4, 5]


def test_within_a_verdict_the_more_probable_comes_first_then_the_graver_then_the_alphabet(make_rule: MakeRule) -> None:
    rules = [
        make_rule("d", evidence={"for": signs("direct")}, severity="info"),
        make_rule("c", severity="critical"),
        make_rule("a"),
        make_rule("b"),
        make_rule("aa", severity="info"),
    ]
    for order in permutations(rules):
        assert [one.id for one in diagnose(function(p50(4000)), list(order))] == ["d", "c", "a", "b", "aa"]


def test_of_what_cannot_be_tested_the_commoner_cause_comes_first(make_rule: MakeRule) -> None:
    rules = [make_rule(name, prior=prior) for name, prior in [("a", 0.1), ("b", 0.3), ("c", 0.2)]]
    assert [one.id for one in diagnose(function(), rules)] == ["b", "c", "a"]


def test_without_rules_there_are_no_hypotheses() -> None:
    assert diagnose(function(p50(4000)), []) == []


# ── probability ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("strength", "probability"), [("direct", 0.926), ("strong", 0.714), ("moderate", 0.5), ("weak", 0.333)]
)
def test_a_sign_multiplies_the_odds(make_rule: MakeRule, strength: str, probability: float) -> None:
    """From odds of 1 to 4."""
    rule = make_rule(prior=0.2, evidence={"for": signs(strength)})
    assert examined(rule, p50(4000)).probability == probability


@pytest.mark.parametrize(
    ("strength", "probability"), [("direct", 0.02), ("strong", 0.091), ("moderate", 0.2), ("weak", 0.333)]
)
def test_a_sign_against_divides_the_odds(make_rule: MakeRule, strength: str, probability: float) -> None:
    """From odds of 1 to 1."""
    rule = make_rule(prior=0.5, evidence={"against": signs(strength)})
    assert examined(rule, p50(4000)).probability == probability


def test_signs_that_do_not_certainly_hold_leave_the_prior_as_it_is(make_rule: MakeRule) -> None:
    evidence = {
        "for": [{"if": "duration.p50 >= 9 s", "strength": "direct", "say": "no"}],
        "against": [
            {"if": "duration.p50 < 4 s", "strength": "direct", "say": "perhaps"},
            {"if": "init.p50 < 4 s", "strength": "direct", "say": "unknown"},
        ],
    }
    found = examined(make_rule(prior=0.3, evidence=evidence), p50(3000, 5000))
    assert (found.probability, found.signs_for, found.signs_against) == (0.3, [], [])


@pytest.mark.parametrize(
    ("strengths", "verdict"),
    [(["moderate"], "supported"), (["weak"], "weak"), (["strong", "weak"], "supported"), ([], "weak")],
)
def test_a_hypothesis_counts_as_supported_from_four_to_one(
    make_rule: MakeRule, strengths: list[str], verdict: str
) -> None:
    rule = make_rule(prior=0.5, evidence={"for": signs(*strengths)})
    assert examined(rule, p50(4000)).verdict == verdict


@pytest.mark.parametrize(
    ("number", "weight", "probability"),
    [(p50(4000), "holds", 0.75), (p50(2000, 5000), "reached", 0.75), (p50(2000), "fails", 0.25)],
)
def test_what_is_known_of_the_main_condition_weighs_as_well(
    make_rule: MakeRule, round_weights: dict[str, float], number: Measured, weight: str, probability: float
) -> None:
    round_weights[weight] = 1 / 3 if weight == "fails" else 3
    assert examined(make_rule(prior=0.5, evidence={}), number).probability == probability


def test_a_number_does_not_contradict_the_word_beside_it(make_rule: MakeRule) -> None:
    sure = make_rule(evidence={"for": signs("direct", "direct")})
    assert examined(sure, p50(4000)).probability >= 0.8
    assert (examined(sure, p50(2000, 5000)).verdict, examined(sure, p50(2000, 5000)).probability) == ("weak", 0.79)
    assert (examined(sure, p50(2000)).verdict, examined(sure, p50(2000)).probability) == ("not-supported", 0.49)


def test_a_cause_is_told_before_what_follows_from_it(make_rule: MakeRule) -> None:
    cause = make_rule("cause", evidence={"for": signs("strong")})
    consequence = make_rule("consequence", follows=["cause"], evidence={"for": signs("direct")})
    alone = make_rule("alone", evidence={"for": signs("moderate")})

    def order(*rules: Rule) -> list[str]:
        return [one.id for one in diagnose(function(p50(4000)), list(rules))]

    assert order(consequence, cause, alone) == ["cause", "alone", "consequence"]
    assert order(consequence, alone) == ["consequence", "alone"]


def test_of_what_is_supported_that_comes_first_which_can_be_expected_to_cost_most(make_rule: MakeRule) -> None:
    """The probability times the part of all time, requests or money; what nobody can price counts as a tenth."""
    rules = [make_rule(name, evidence={"for": signs("strong")}) for name in ("dear", "unpriced", "cheap")]
    sure = make_rule("sure", evidence={"for": signs("direct")})
    costs = {"dear": Impact(share=0.4), "cheap": Impact(share=0.05), "sure": Impact(share=0.06)}
    found = diagnose(replace(function(p50(4000)), impacts=costs), [*rules, sure])
    assert [one.id for one in found] == ["dear", "unpriced", "sure", "cheap"]
    assert [one.impact for one in found] == [costs["dear"], None, costs["sure"], costs["cheap"]]


def test_what_costs_more_than_twice_its_cause_is_not_only_its_consequence(make_rule: MakeRule) -> None:
    cause = make_rule("cause", evidence={"for": signs("strong")})
    consequence = make_rule("consequence", follows=["cause"], evidence={"for": signs("strong")})

    def first(of_consequence: float, *, severity: str = "warning") -> str:
        costs = {"cause": Impact(share=0.1), "consequence": Impact(share=of_consequence)}
        rules = [replace(cause, severity=severity), consequence]
        return diagnose(replace(function(p50(4000)), impacts=costs), rules)[0].id

    assert first(0.15) == "cause"
    assert first(0.25) == "consequence"
    # What is graver is told first all the same.
    assert first(0.25, severity="critical") == "cause"


def test_the_weights_that_are_shipped_let_every_strength_speak_for_what_it_is_for() -> None:
    shipped = yaml.safe_load((Path(verdicts.__file__).parent / "weights.yaml").read_text())
    own = shipped.pop("rules")
    assert set(own) <= {path.stem for path in resources.shipped("rules").glob("*.yaml")}
    assert all(0 < factor < 10 for states in own.values() for factor in states.values())
    assert set(shipped) == set(WEIGHTS)
    assert shipped["direct"] > shipped["strong"] > shipped["moderate"] > shipped["weak"] >= 1
    assert shipped["holds"] > shipped["reached"] > 1 > shipped["fails"] > 0


def test_nothing_is_certain(make_rule: MakeRule) -> None:
    many = signs(*["direct"] * 20)
    assert examined(make_rule(evidence={"for": many}), p50(4000)).probability == 0.99
    assert examined(make_rule(evidence={"against": many}), p50(4000)).probability == 0.01
    assert examined(make_rule(prior=0.999), p50(4000)).probability == 0.99
    assert examined(make_rule(prior=0.001, evidence={}), p50(4000)).probability == 0.01


def test_what_is_refuted_is_least_probable_whatever_speaks_for_it(make_rule: MakeRule) -> None:
    rule = make_rule(evidence={"for": signs("direct", "direct")})
    assert examined(rule, p50(100)).probability == 0.01


def test_what_cannot_be_tested_is_as_probable_as_before(make_rule: MakeRule) -> None:
    rule = make_rule(prior=0.35, evidence={"for": signs("direct")})
    assert examined(rule).probability == 0.35
    assert examined(rule, p50(1500, 4000)).probability == 0.35


@given(
    st.floats(0.001, 0.999),
    st.lists(st.sampled_from(sorted(STRENGTHS)), max_size=6),
    st.lists(st.sampled_from(sorted(STRENGTHS)), max_size=6),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_signs_does_not_matter_and_each_pulls_its_way(
    make_rule: MakeRule, prior: float, speaking_for: list[str], against: list[str]
) -> None:
    def probability(*, more_for: list[str] = [], more_against: list[str] = [], turned: bool = False) -> float:  # noqa: B006
        one, other = [*speaking_for, *more_for], [*against, *more_against]
        if turned:
            one, other = one[::-1], other[::-1]
        rule = make_rule(prior=prior, evidence={"for": signs(*one), "against": signs(*other)})
        return examined(rule, p50(4000)).probability

    plain = probability()
    assert 0.01 <= plain <= 0.99
    assert probability(turned=True) == pytest.approx(plain, abs=0.0011)
    assert probability(more_for=["weak"]) >= plain
    assert probability(more_against=["weak"]) <= plain


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (p50(61_500), "61.5 s"),
        (p50(812), "812 ms"),
        (p50(3000, 5000), "4.0 s (95 % CI 3.0–5.0 s)"),
        (
            measured("duration.p50", 0.788, 0.964, value=40 / 44, k=40, n=44, unit="share"),
            "90.9 % (40 of 44; 95 % CI 78.8–96.4 %)",
        ),
        (measured("memory.size", 512, unit="MB"), "an unknown value"),
        (not_estimable("duration.p50"), "an unknown value"),
    ],
)
def test_a_placeholder_is_filled_with_the_figure_and_what_stands_behind_it(
    make_rule: MakeRule, number: Measured, text: str
) -> None:
    found = examined(make_rule(hypothesis="Half take {duration.p50}, no less."), number)
    assert found.statement == f"Half take {text}, no less."


def test_placeholders_are_filled_wherever_a_rule_speaks(make_rule: MakeRule) -> None:
    spoken = "{function} takes {duration.p50}"
    sign = {"if": "duration.p50 >= 1 ms", "strength": "weak", "say": spoken}
    rule = make_rule(
        hypothesis=spoken,
        refuted_by=spoken,
        settled_by=spoken,
        evidence={"for": [sign], "against": [sign]},
        supported_when="init.p50 >= 1 s",
        untestable=[{"when": "init.p50 is absent", "reason": "U5", "say": spoken}],
        actions=[{"title": spoken, "why": spoken, "effort": "low", "verdicts": ["untestable"]}],
    )
    found = examined(rule, p50(2000))
    (action,) = found.actions
    said = [found.statement, found.refuted_by, found.settled_by, found.reason_text, action.title, action.why]
    said += [sign.text for sign in (*found.signs_for, *found.signs_against)]
    assert said == ["checkout takes 2.0 s"] * 8


@pytest.mark.parametrize(
    "name",
    [
        "{duration.p50}",
        "{function}",
        "{0.__class__.__mro__}",
        "{function!r:>1000000}",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "%s %(function)s %n",
        "${function} $(touch trace)",
        r"\g<0> \1 \\",
        "{",
        "}{",
        "",
        "a\nb\x1b[2J\x00",
        "чек-аут ‮",
    ],
)
def test_the_name_of_a_function_is_never_evaluated(make_rule: MakeRule, name: str) -> None:
    found = examined(make_rule(hypothesis="Calls of {function} take {duration.p50}."), p50(2000), name=name)
    assert found.statement == "Calls of " + name + " take 2.0 s."


def test_a_backtick_in_a_name_cannot_pair_with_those_of_the_rule(make_rule: MakeRule) -> None:
    found = examined(make_rule(hypothesis="Set `A` of {function}."), name="x`y``")
    assert found.statement == "Set `A` of x'y''."


@given(st.text(st.characters(exclude_characters="`")))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_function_is_called_is_said_as_it_is(make_rule: MakeRule, name: str) -> None:
    assert examined(make_rule(), name=name).statement == "Calls of " + name + " wait for a neighbour."


def test_a_note_with_braces_is_not_evaluated_either(make_rule: MakeRule) -> None:
    rule = make_rule(hypothesis="Half take {duration.p50}.")
    number = p50(1900, None, value=2000, note="at the limit {function}")
    assert "{function}" in examined(rule, number).statement


def test_a_sign_names_its_number_and_the_query_behind_it(make_rule: MakeRule) -> None:
    found = examined(make_rule(), p50(4000, evidence="q17"))
    assert [(sign.text, sign.metric, sign.evidence) for sign in found.signs_for] == [
        ("It is slow.", "duration.p50", "q17")
    ]


def test_what_a_rule_states_is_handed_on(make_rule: MakeRule) -> None:
    references = ["https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html"]
    found = examined(make_rule(references=references, explains=["slow", "retried"], severity="info"))
    assert (found.id, found.title, found.severity) == ("mine", "A slow neighbour", "info")
    assert (found.explains, found.references) == (["slow", "retried"], references)


# ── what to do ───────────────────────────────────────────────────────────────────────────────────────────────────────


def action(**parts: Any) -> dict[str, Any]:
    return {"title": "Ask", "effort": "low", "why": "Because.", **parts}


def acted(make_rule: MakeRule, *numbers: Measured, **parts: Any) -> Action:
    (found,) = examined(make_rule(actions=[action(**parts)]), *numbers).actions
    return found


@pytest.mark.parametrize(
    ("number", "titles"),
    [
        (p50(4000), ["default", "supported"]),
        (p50(2000, 5000), ["default"]),
        (p50(1500, 4000), ["untestable"]),
        (p50(2000), ["never mind"]),
        (p50(100), ["never mind"]),
    ],
)
def test_an_action_is_for_its_verdicts(make_rule: MakeRule, number: Measured, titles: list[str]) -> None:
    rule = make_rule(
        actions=[
            action(title="default"),
            action(title="supported", verdicts=["supported"]),
            action(title="untestable", verdicts=["untestable"]),
            action(title="never mind", verdicts=["refuted", "not-supported"]),
        ]
    )
    assert [one.title for one in examined(rule, number).actions] == titles


def test_an_action_is_taken_only_where_its_condition_certainly_holds(make_rule: MakeRule) -> None:
    rule = make_rule(actions=[action(when="memory.size < 1769")])
    assert [one.title for one in examined(rule, p50(4000), measured("memory.size", 512, unit="MB")).actions] == ["Ask"]
    assert examined(rule, p50(4000), measured("memory.size", 1769, unit="MB")).actions == []
    assert examined(rule, p50(4000), measured("memory.size", 512, 2048, unit="MB")).actions == []
    assert examined(rule, p50(4000)).actions == []


@pytest.mark.parametrize(("value", "setting"), [(1024.0, 1024), (12.6, 13), (12.4, 12), (0.2, 0)])
def test_a_setting_that_is_a_metric_becomes_a_whole_number(make_rule: MakeRule, value: float, setting: int) -> None:
    found = acted(
        make_rule,
        p50(4000),
        measured("memory.next_size", value, unit="MB"),
        settings={"MemorySize": "{memory.next_size}"},
    )
    assert found.settings == {"MemorySize": setting}
    assert type(found.settings["MemorySize"]) is int


def test_a_setting_that_is_no_metric_stays_as_it_is_written(make_rule: MakeRule) -> None:
    written = {
        "Timeout": 30,
        "AutoPublishAlias": "live",
        "DeploymentPreference": {"Type": "Canary10Percent30Minutes", "Alarms": ["a", 1, None]},
    }
    assert acted(make_rule, p50(4000), settings=written).settings == written


@pytest.mark.parametrize("numbers", [[], [not_estimable("memory.next_size")]], ids=["absent", "not estimable"])
def test_a_setting_whose_metric_was_not_measured_has_no_value(make_rule: MakeRule, numbers: list[Measured]) -> None:
    found = acted(make_rule, p50(4000), *numbers, settings={"MemorySize": "{memory.next_size}"})
    assert found.settings == {"MemorySize": None}


def expected(factor: object, metric: str = "duration.p50") -> dict[str, Any]:
    return {"metric": metric, "factor": factor, "basis": "a guess"}


@pytest.mark.parametrize("factor", [[0.5, 1.0], [1.0, 0.5]])
def test_two_factors_bound_what_is_expected(make_rule: MakeRule, factor: list[float]) -> None:
    found = acted(make_rule, p50(4000), expected=expected(factor)).expected
    assert found is not None
    assert (found.metric, found.unit, found.basis) == ("duration.p50", "ms", "a guess")
    assert (found.low, found.value, found.high) == (2000, 3000, 4000)


def test_a_measured_factor_carries_its_own_bounds(make_rule: MakeRule) -> None:
    factor = measured("memory.doubling_factor", 0.5, 0.75, value=0.6, unit="ratio")
    found = acted(make_rule, p50(4000), factor, expected=expected("memory.doubling_factor")).expected
    assert found is not None
    assert (found.low, found.value, found.high) == pytest.approx((2000, 2400, 3000))


def factors() -> list[list[Measured]]:
    name = "memory.doubling_factor"
    return [
        [],
        [not_estimable(name)],
        [measured(name, 0.5, None, value=0.6, unit="ratio")],
        [measured(name, None, 0.75, value=0.6, unit="ratio")],
    ]


@pytest.mark.parametrize("numbers", factors(), ids=["absent", "not estimable", "no upper limit", "no lower limit"])
def test_without_both_bounds_of_the_factor_nothing_is_expected(make_rule: MakeRule, numbers: list[Measured]) -> None:
    assert acted(make_rule, p50(4000), *numbers, expected=expected("memory.doubling_factor")).expected is None


@pytest.mark.parametrize("numbers", [[], [not_estimable("init.p50")]], ids=["absent", "not estimable"])
def test_of_a_metric_that_was_not_measured_nothing_is_expected(make_rule: MakeRule, numbers: list[Measured]) -> None:
    assert acted(make_rule, p50(4000), *numbers, expected=expected([0, 1], metric="init.p50")).expected is None


# ── fingerprints ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_fingerprint_is_the_same_in_every_run_and_whatever_was_measured(make_rule: MakeRule) -> None:
    """As `printf 'checkout\\x1fmine' | sha256sum` has it."""
    rule = make_rule()
    assert {examined(rule, *numbers).fingerprint for numbers in ([], [p50(4000)], [p50(100)])} == {"f20ef851b27a"}


def test_a_fingerprint_tells_functions_and_rules_apart_also_where_their_names_run_together(make_rule: MakeRule) -> None:
    rules = [make_rule(name) for name in ("mine", "yours", "amine")]
    prints = {examined(rule, name=name).fingerprint for rule in rules for name in ("checkout", "checkouta", "cart", "")}
    assert len(prints) == 12
