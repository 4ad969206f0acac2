"""A rule is a YAML file that states one hypothesis, what speaks for and against it, what to do, and tests of itself.

The file name is the id. Everything wrong with a rule is an error with file and line, found before any log is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import yaml
from msgspec import Struct, field

from analyzer.diagnose import settings
from analyzer.diagnose.conditions import Condition, known, parse
from analyzer.diagnose.vocabulary import VOCABULARY
from analyzer.errors import UserError
from analyzer.model import Effort, Reason, Severity, SymptomKind, Verdict

Strength = Literal["direct", "strong", "moderate", "weak"]
FUNCTION = "function"
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# What may be written under a key.
CHOICES = {
    "severity": Severity,
    "explains": SymptomKind,
    "strength": Strength,
    "effort": Effort,
    "verdicts": Verdict,
    "expect": Verdict,
    "reason": Reason,
}
UNKNOWN_KEY = re.compile(r"Object contains unknown field `(.*?)`")
# What msgspec calls the kinds of values.
KINDS = {
    "str": "a text", "float": "a number", "int": "a whole number", "bool": "true or false", "array": "a list",
    "object": "keys with values", "date": "a date", "null": "nothing",
}  # fmt: skip
QUOTES = "; a sentence with a colon, or one that begins with a bracket, stands in quotation marks"


class _Sign(Struct, frozen=True, forbid_unknown_fields=True):
    condition: Any = field(name="if")
    strength: Strength
    say: str


class _Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    signs_for: list[_Sign] = field(name="for", default_factory=list)
    against: list[_Sign] = field(default_factory=list)


class _Untestable(Struct, frozen=True, forbid_unknown_fields=True):
    when: Any
    reason: Reason
    say: str


class _Expected(Struct, frozen=True, forbid_unknown_fields=True):
    metric: str
    factor: tuple[float, float] | str
    basis: str


class _Action(Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    effort: Effort
    why: str
    when: Any = None
    verdicts: list[Verdict] = field(default_factory=lambda: ["supported", "weak"])
    settings: dict[str, Any] = field(default_factory=dict)
    expected: _Expected | None = None


class _Test(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    given: dict[str, Any]
    expect: Verdict
    reason: Reason | None = None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of the YAML."""

    id: str
    title: str
    severity: Severity
    explains: list[SymptomKind]
    hypothesis: str
    prior: float
    supported_when: Any
    refuted_by: str
    settled_by: str
    tests: list[_Test]
    refuted_when: Any = None
    follows: list[str] = field(default_factory=list)
    untestable: list[_Untestable] = field(default_factory=list)
    evidence: _Evidence = field(default_factory=_Evidence)
    actions: list[_Action] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


# The part of a file that lies below a key, each in a list or by itself.
SHAPES: dict[str, type[Struct]] = {
    "evidence": _Evidence, "for": _Sign, "against": _Sign, "untestable": _Untestable, "actions": _Action, "expected": _Expected,
    "tests": _Test,
    **{shape.__name__: shape for shape in settings.NESTED},
}  # fmt: skip
SETTINGS = settings.Settings.__struct_encode_fields__


class RuleSign(Struct, frozen=True):
    """A sentence that holds, with a strength, where its condition does."""

    condition: Condition
    strength: Strength
    say: str


class RuleGap(Struct, frozen=True):
    """Why these logs could not show the hypothesis either way."""

    condition: Condition
    reason: Reason
    say: str


class RuleAction(Struct, frozen=True):
    """What to do at any of `verdicts`."""

    title: str
    effort: Effort
    why: str
    condition: Condition | None
    verdicts: tuple[Verdict, ...]
    settings: dict[str, Any]
    expected: RuleExpected | None


class RuleExpected(Struct, frozen=True):
    """`metric` should be multiplied with `factor`: two numbers, at best and at worst, or a metric that was measured."""

    metric: str
    factor: tuple[float, float] | str
    basis: str


class RuleTest(Struct, frozen=True):
    name: str
    given: dict[str, float | bool | list[float | None]]
    expect: Verdict
    reason: Reason | None


class Rule(Struct, frozen=True):
    """`follows` are the hypotheses of which this one is the consequence where both hold: the cause is told first."""

    path: Path
    id: str
    title: str
    severity: Severity
    explains: tuple[SymptomKind, ...]
    follows: tuple[str, ...]
    hypothesis: str
    prior: float
    supported: Condition
    refuted: Condition | None
    gaps: tuple[RuleGap, ...]
    signs_for: tuple[RuleSign, ...]
    signs_against: tuple[RuleSign, ...]
    refuted_by: str
    settled_by: str
    actions: tuple[RuleAction, ...]
    references: tuple[str, ...]
    tests: tuple[RuleTest, ...]


def load_rules(folder: Path) -> list[Rule]:
    """Every rule of a folder in the order of their ids. Raises UserError with `file:line:` for the first that is wrong."""
    files = [*folder.glob("*.yaml"), *folder.glob("*.yml")]
    return [load_rule(path) for path in sorted(files, key=lambda path: path.stem)]


def check_references(rules: Iterable[Rule]) -> None:
    """Raises UserError for a rule that follows one which is not among them."""
    rules = list(rules)
    ids = {rule.id for rule in rules}
    for rule in rules:
        for other in rule.follows:
            if other not in ids:
                reader = _Reader(rule.path)
                reader.rule()
                raise reader.wrong(("follows",), f"there is no rule {other} that this one could follow")


def load_rule(path: Path) -> Rule:
    return _Reader(path).rule()


_CONSTRUCTOR = yaml.constructor.SafeConstructor()


def _compose(text: str) -> yaml.Node | None:
    """The parser in C is ten times as fast, but puts some slips a line too far: those the other one looks for."""
    try:
        return _composed(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return _composed(text, yaml.SafeLoader)


def _composed(text: str, loader: type[yaml.SafeLoader]) -> yaml.Node | None:
    """YAML without tags and aliases: nothing that is read here is built, and nothing unfolds."""
    node = yaml.compose(text, Loader=loader)
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
            mark = event.start_mark
            raise yaml.MarkedYAMLError(problem="a rule has neither aliases nor tags", problem_mark=mark)  # type: ignore[arg-type]
    return node


class _Reader:
    """Reads one file, and knows on which line each part of it stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[tuple[str | int, ...], int] = {(): 1}

    def rule(self) -> Rule:
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise UserError(f"{self.path}:1: cannot be read: {problem}") from problem
        try:
            node = _compose(text)
            content = self._content(node, ()) if node else None
        except yaml.MarkedYAMLError as problem:
            line = problem.problem_mark.line + 1 if problem.problem_mark else 1
            raise UserError(f"{self.path}:{line}: this is not YAML: {problem.problem}{QUOTES}") from problem
        except yaml.reader.ReaderError as problem:
            line = text.count("\n", 0, problem.position) + 1
            raise UserError(f"{self.path}:{line}: this is not YAML: {problem.reason}") from problem
        except RecursionError as problem:
            raise UserError(f"{self.path}:1: this is nested too deeply") from problem
        try:
            file = msgspec.convert(content, _File)
        except msgspec.ValidationError as problem:
            raise self.wrong(_place(str(problem)), _in_words(str(problem))) from problem
        if file.id != self.path.stem:
            raise self.wrong(("id",), f"the id {file.id} is not the name of the file")
        if not 0 < file.prior < 1:
            raise self.wrong(("prior",), "a prior lies between 0 and 1")
        return Rule(
            path=self.path,
            id=file.id,
            title=file.title,
            severity=file.severity,
            explains=tuple(file.explains),
            follows=tuple(file.follows),
            hypothesis=self._text(file.hypothesis, ("hypothesis",)),
            prior=file.prior,
            supported=self._condition(file.supported_when, ("supported_when",)),
            refuted=None if file.refuted_when is None else self._condition(file.refuted_when, ("refuted_when",)),
            gaps=tuple(self._gap(gap, ("untestable", i)) for i, gap in enumerate(file.untestable)),
            signs_for=tuple(self._sign(sign, ("evidence", "for", i)) for i, sign in enumerate(file.evidence.signs_for)),
            signs_against=tuple(
                self._sign(sign, ("evidence", "against", i)) for i, sign in enumerate(file.evidence.against)
            ),
            refuted_by=self._text(file.refuted_by, ("refuted_by",)),
            settled_by=self._text(file.settled_by, ("settled_by",)),
            actions=tuple(self._action(action, ("actions", i)) for i, action in enumerate(file.actions)),
            references=tuple(file.references),
            tests=tuple(self._test(test, ("tests", i)) for i, test in enumerate(file.tests)),
        )

    def wrong(self, place: tuple[str | int, ...], sentence: str) -> UserError:
        while place not in self.lines:
            place = place[:-1]
        return UserError(f"{self.path}:{self.lines[place]}: {sentence}")

    def _content(self, node: yaml.Node, place: tuple[str | int, ...]) -> Any:
        """What yaml.safe_load gives, noting lines and refusing a key that stands twice."""
        self.lines[place] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            content: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                if not isinstance(key_node, yaml.ScalarNode):
                    self.lines[place] = key_node.start_mark.line + 1
                    raise self.wrong(place, "a key is a word")
                key = key_node.value
                self.lines[(*place, key)] = key_node.start_mark.line + 1
                if key in content:
                    raise self.wrong((*place, key), f"the key {key} stands here a second time")
                content[key] = self._content(value_node, (*place, key))
                self.lines[(*place, key)] = key_node.start_mark.line + 1
            return content
        if isinstance(node, yaml.SequenceNode):
            return [self._content(item, (*place, number)) for number, item in enumerate(node.value)]
        try:
            return _CONSTRUCTOR.construct_object(node)
        except ValueError as problem:
            raise self.wrong(
                place, f"{node.value[:40]!r} cannot be read: {str(problem).partition(';')[0]}"
            ) from problem

    def _condition(self, text: Any, place: tuple[str | int, ...]) -> Condition:
        # Part by part first, so that a slip is found on its own line.
        if isinstance(text, dict) and len(text) == 1:
            ((word, parts),) = text.items()
            if word == "not":
                self._condition(parts, (*place, word))
            elif word in ("all", "any") and isinstance(parts, list):
                for number, part in enumerate(parts):
                    self._condition(part, (*place, word, number))
        try:
            return parse(text)
        except ValueError as problem:
            raise self.wrong(place, str(problem)) from problem

    def _text(self, text: str, place: tuple[str | int, ...]) -> str:
        for name in PLACEHOLDER.findall(text):
            self._metric(name, place, or_function=True)
        return text.strip()

    def _metric(self, name: str, place: tuple[str | int, ...], or_function: bool = False) -> str:
        if or_function and name == FUNCTION:
            return name
        try:
            return known(name)
        except ValueError as problem:
            raise self.wrong(place, str(problem)) from problem

    def _gap(self, gap: _Untestable, place: tuple[str | int, ...]) -> RuleGap:
        return RuleGap(self._condition(gap.when, (*place, "when")), gap.reason, self._text(gap.say, (*place, "say")))

    def _sign(self, sign: _Sign, place: tuple[str | int, ...]) -> RuleSign:
        return RuleSign(
            self._condition(sign.condition, (*place, "if")), sign.strength, self._text(sign.say, (*place, "say"))
        )

    def _action(self, action: _Action, place: tuple[str | int, ...]) -> RuleAction:
        for name, value in action.settings.items():
            if name not in SETTINGS:
                raise self.wrong(
                    (*place, "settings", name),
                    f"{name} is no setting that a rule may change; those are {', '.join(sorted(SETTINGS))}, "
                    "and what belongs to one of them stands below it",
                )
            self._setting(value, (*place, "settings", name))
        try:
            msgspec.convert(action.settings, settings.Settings)
        except msgspec.ValidationError as problem:
            wrong = str(problem)
            raise self.wrong((*place, "settings", *_place(wrong)), _in_words(wrong, settings.Settings)) from problem
        expected = action.expected
        if expected:
            self._metric(expected.metric, (*place, "expected", "metric"))
            if isinstance(expected.factor, str):
                self._metric(expected.factor, (*place, "expected", "factor"))
        return RuleAction(
            title=self._text(action.title, (*place, "title")),
            effort=action.effort,
            why=self._text(action.why, (*place, "why")),
            condition=None if action.when is None else self._condition(action.when, (*place, "when")),
            verdicts=tuple(action.verdicts),
            settings=action.settings,
            expected=RuleExpected(expected.metric, expected.factor, expected.basis) if expected else None,
        )

    def _setting(self, value: Any, place: tuple[str | int, ...]) -> None:
        """A setting is a literal, or the value of a metric and nothing beside it."""
        if isinstance(value, dict):
            for key, inner in value.items():
                self._setting(inner, (*place, key))
        elif isinstance(value, str) and "{" in value:
            match = PLACEHOLDER.fullmatch(value)
            if match is None:
                raise self.wrong(place, f"{value!r} is neither a literal nor {{metric}} alone")
            self._metric(match[1], place)

    def _test(self, test: _Test, place: tuple[str | int, ...]) -> RuleTest:
        given: dict[str, float | bool | list[float | None]] = {}
        for name, value in test.given.items():
            at = (*place, "given", name)
            self._metric(name, at)
            try:
                # msgspec's own message names no key of a mapping.
                given[name] = msgspec.convert(value, float | bool | list[float | None])
            except msgspec.ValidationError as problem:
                raise self.wrong(at, f"{name}: {_in_words(str(problem))}") from problem
            if VOCABULARY[name][0] == "share" and any(
                abs(end or 0) > 1 for end in (value if isinstance(value, list) else [value])
            ):
                raise self.wrong(at, f"{name} is a share, which is a number from 0 to 1 here")
            if isinstance(value, list) and len(value) != 2:
                raise self.wrong(at, "an interval is written [low, high]")
            if isinstance(value, list) and None not in value and value[0] > value[1]:
                raise self.wrong(at, f"the interval {value} has its limits the wrong way round")
        return RuleTest(test.name, given, test.expect, test.reason)


def _place(problem: str) -> tuple[str | int, ...]:
    """The place in msgspec's message, "... - at `$.actions[0].effort`", as keys and numbers."""
    _, _, path = problem.partition(" - at `$")
    place = tuple(int(part) if part.isdigit() else part for part in re.findall(r"[\w-]+", path.rstrip("`")))
    unknown = UNKNOWN_KEY.match(problem)
    return (*place, unknown[1]) if unknown else place


def _in_words(problem: str, whole: type[Struct] = _File) -> str:
    """What msgspec found in a `whole`, in the words of whoever writes a rule: the line says where it stands."""
    sentence = problem.partition(" - at `$")[0]
    keys = [part for part in _place(problem) if isinstance(part, str)]
    if unknown := UNKNOWN_KEY.match(sentence):
        known_here = (SHAPES[keys[-2]] if keys[:-1] else whole).__struct_encode_fields__
        near = get_close_matches(unknown[1], known_here, n=1)
        instead = f"did you mean {near[0]}?" if near else f"there are {', '.join(known_here)}"
        return f"there is no key {unknown[1]} here; {instead}"
    if missing := re.match(r"Object missing required field `(.*?)`", sentence):
        return f"the key {missing[1]} is missing"
    if sentence.startswith("Invalid enum value") and keys and keys[-1] in CHOICES:
        word = sentence.removeprefix("Invalid enum value ")
        return f"{word} is no {keys[-1].replace('_', ' ')}; it is one of {', '.join(get_args(CHOICES[keys[-1]]))}"
    if sentence.startswith("Invalid enum value"):
        return f"{sentence.removeprefix('Invalid enum value ')} is no value of {keys[-1]}"
    if " matching regex " in sentence:
        return "Expected a number, or one metric in braces"
    return re.sub(r"`(.*?)`", lambda kinds: " or ".join(KINDS.get(one, one) for one in kinds[1].split(" | ")), sentence)
