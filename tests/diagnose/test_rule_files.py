"""A rule file is read whole or refused with one sentence that says where the mistake stands."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.diagnose import load_rules
from analyzer.errors import UserError
from analyzer.pipeline import rules_from

RULE = """\
# A rule of our own.
id: mine
title: A slow neighbour
severity: warning
explains:
  - slow
  - uneven
hypothesis: Calls of {function} wait for a neighbour.
prior: 0.3
supported_when: duration.p50 >= 3 s
refuted_when:
  any:
    - duration.p50 < 1 s
    - duration.max < 2 s
untestable:
  - reason: U3
    when: duration.p50 is absent
    say: The logs of {function} carry no durations.
evidence:
  for:
    - strength: strong
      if: duration.p50 >= 4 s
      say: The median call takes {duration.p50}.
  against:
    - strength: weak
      if: duration.p95 < 1 s
      say: Nearly all calls end within {duration.p95}.
refuted_by: fast calls.
settled_by: traces of {function}.
actions:
  - effort: low
    title: Ask the neighbour about {function}
    why: Calls take {duration.p90}.
    when: duration.p50 >= 5 s
    verdicts: [supported, weak]
    settings:
      MemorySize: "{memory.next_size}"
      Timeout: 30
    expected:
      basis: a guess
      metric: duration.mean
      factor: memory.doubling_factor
references:
  - https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html
tests:
  - name: slow calls
    given:
      duration.p50: [4000, 5000]
      duration.max: 9000
    expect: supported
  - name: nothing measured
    given: {duration.p90: [null, 7]}
    reason: U3
    expect: untestable
"""


def change(old: str, new: str) -> str:
    """The rule with one slip in it."""
    assert RULE.count(old) == 1, old
    return RULE.replace(old, new)


def line_of(text: str, marker: str) -> int:
    (line,) = [number for number, line in enumerate(text.splitlines(), start=1) if marker in line]
    return line


def write(folder: Path, content: str | bytes, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(folder: Path, content: str | bytes, name: str = "mine.yaml") -> tuple[int, str]:
    """The line and the sentence with which a file is refused."""
    path = write(folder, content, name)
    with pytest.raises(UserError) as problem:
        load_rules(folder)
    message = str(problem.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}:")
    line, _, sentence = message.removeprefix(f"{path}:").partition(": ")
    return int(line), sentence


def test_a_rule_without_a_slip_is_read(tmp_path: Path) -> None:
    write(tmp_path, RULE)
    (rule,) = load_rules(tmp_path)
    assert (rule.id, rule.prior, rule.explains) == ("mine", 0.3, ("slow", "uneven"))
    assert rule.hypothesis == "Calls of {function} wait for a neighbour."
    assert [sign.strength for sign in (*rule.signs_for, *rule.signs_against)] == ["strong", "weak"]
    assert [gap.reason for gap in rule.gaps] == ["U3"]
    (action,) = rule.actions
    assert (action.verdicts, action.settings["Timeout"]) == (("supported", "weak"), 30)
    assert [test.given for test in rule.tests] == [
        {"duration.p50": [4000, 5000], "duration.max": 9000},
        {"duration.p90": [None, 7]},
    ]


def test_what_a_rule_need_not_say_is_empty(tmp_path: Path) -> None:
    write(
        tmp_path,
        "id: mine\ntitle: t\nseverity: info\nexplains: []\nhypothesis: h\nprior: 0.5\n"
        "supported_when: oom.count >= 1\nrefuted_by: r\nsettled_by: s\ntests: []\n",
    )
    (rule,) = load_rules(tmp_path)
    assert rule.refuted is None
    assert (rule.gaps, rule.signs_for, rule.signs_against, rule.actions, rule.references) == ((), (), (), (), ())


def test_an_action_holds_for_what_is_supported_or_weak_unless_it_says_otherwise(tmp_path: Path) -> None:
    write(tmp_path, change("    verdicts: [supported, weak]\n", ""))
    (rule,) = load_rules(tmp_path)
    assert rule.actions[0].verdicts == ("supported", "weak")


def test_rules_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    for name in ("b", "a-b", "a", "c"):
        write(tmp_path, change("id: mine", f"id: {name}"), f"{name}.yaml")
    assert [rule.id for rule in load_rules(tmp_path)] == ["a", "a-b", "b", "c"]


def test_a_rule_may_end_as_yaml_may(tmp_path: Path) -> None:
    write(tmp_path, RULE, "mine.yml")
    assert [rule.id for rule in load_rules(tmp_path)] == ["mine"]


def test_a_rule_that_follows_one_that_is_not_there_is_refused_at_its_line(tmp_path: Path) -> None:
    text = change("prior: 0.3\n", "prior: 0.3\nfollows: [cold-start, gremlins]\n")
    write(tmp_path, text)
    line = line_of(text, "follows")
    with pytest.raises(UserError, match=rf"mine\.yaml:{line}: there is no rule gremlins that this one could follow"):
        rules_from(tmp_path)


def test_a_folder_without_rules_holds_none(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing here")
    assert load_rules(tmp_path) == []


# ── what is no YAML, or no rule ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "marker"),
    [
        ("  - slow\n", "  - [slow\n", "hypothesis:"),
        ("prior: 0.3", "\tprior: 0.3", "\tprior"),
        ("severity: warning", "severity: warning: 3", "warning: 3"),
        ("refuted_by: fast calls.", 'refuted_by: "fast \\q calls."', "fast \\q"),
        ("title: A slow", "title: @A slow", "@A slow"),
        ("explains:", "explains: *nowhere", "*nowhere"),
        ("severity: warning", "severity: warning\n--- again", "--- again"),
    ],
)
def test_what_is_not_yaml_is_refused_where_it_stops_to_be(tmp_path: Path, old: str, new: str, marker: str) -> None:
    text = change(old, new)
    line, sentence = refused(tmp_path, text)
    assert line == line_of(text, marker)
    assert sentence.startswith("this is not YAML: ")


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# nothing but a comment\n", "---\n...\n", "~", "hello", "3", "- id: mine"]
)
def test_a_file_that_holds_no_rule_is_refused(tmp_path: Path, text: str) -> None:
    _, sentence = refused(tmp_path, text)
    assert sentence.startswith("Expected keys with values, got ")


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)),
        bytes(range(128)),
        b"id: mine\ntitle: Caf\xe9\n",
        RULE.encode("utf-16"),
        b"\x1f\x8b\x08\0\0\0\0\0",
        b"id: mine\ntitle: a bell \x07\n",
    ],
    ids=["picture", "control characters", "latin-1", "utf-16", "gzip", "bell"],
)
def test_a_file_that_is_no_text_is_refused_with_one_sentence(tmp_path: Path, content: bytes) -> None:
    _, sentence = refused(tmp_path, content)
    assert sentence.startswith(("cannot be read: ", "this is not YAML: "))


def test_a_folder_that_is_named_like_a_rule_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").mkdir()
    with pytest.raises(UserError, match=r"mine\.yaml:1: cannot be read: "):
        load_rules(tmp_path)


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=r"mine\.yaml:1: cannot be read: "):
        load_rules(tmp_path)


def test_of_several_files_the_wrong_one_is_named(tmp_path: Path) -> None:
    write(tmp_path, change("id: mine", "id: good"), "good.yaml")
    line, _ = refused(tmp_path, change("prior: 0.3", "prior: 3"))
    assert line == line_of(RULE, "prior:")


# ── slips, each at its line ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "marker"),
    [
        ("severity: warning\n", "severity: warning\nprior: 0.4\n", "prior: 0.3"),
        ("      Timeout: 30\n", "      Timeout: 30\n      MemorySize: 512\n", "MemorySize: 512"),
        ("      duration.max: 9000\n", "      duration.max: 9000\n      duration.max: 1\n", "duration.max: 1"),
        ("    expect: supported\n", "    expect: supported\n    name: twice\n", "name: twice"),
        ("refuted_by: fast calls.\n", 'refuted_by: fast calls.\n"title": twice\n', '"title"'),
    ],
)
def test_a_key_that_stands_twice_is_refused_where_it_does_again(
    tmp_path: Path, old: str, new: str, marker: str
) -> None:
    text = change(old, new)
    line, sentence = refused(tmp_path, text)
    assert line == line_of(text, marker)
    assert "a second time" in sentence


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("prior: 0.3\n", "prior: 0.3\npriority: 3\n", "priority"),
        ("      if: duration.p50 >= 4 s\n", "      if: duration.p50 >= 4 s\n      weight: 3\n", "weight"),
        (
            "    reason: U3\n    expect: untestable\n",
            "    reason: U3\n    expected: untestable\n",
            "expected: untestable",
        ),
        ("      basis: a guess\n", "      basis: a guess\n      chance: 3\n", "chance"),
        ("  against:\n", "  contra: []\n  against:\n", "contra"),
        ("  - reason: U3\n", "  - reason: U3\n    because: why\n", "because"),
        ("    verdicts: [", "    verdict: [", "verdict: ["),
    ],
)
def test_an_unknown_key_is_refused_at_its_line(tmp_path: Path, old: str, new: str, key: str) -> None:
    text = change(old, new)
    line, sentence = refused(tmp_path, text)
    assert f"there is no key {key.partition(':')[0]} here; " in sentence
    assert line == line_of(text, key)


@pytest.mark.parametrize(
    ("old", "new", "marker", "words"),
    [
        ("id: mine", "id: yours", "id: yours", "the id yours is not the name of the file"),
        ("prior: 0.3", "prior: 0", "prior:", "between 0 and 1"),
        ("prior: 0.3", "prior: 1", "prior:", "between 0 and 1"),
        ("prior: 0.3", "prior: -0.1", "prior:", "between 0 and 1"),
        ("prior: 0.3", "prior: 30", "prior:", "between 0 and 1"),
        ("prior: 0.3", "prior: .nan", "prior:", "between 0 and 1"),
        ("prior: 0.3", "prior: .inf", "prior:", "between 0 and 1"),
        ("prior: 0.3", "prior: 30 %", "prior:", "Expected a number, got a text"),
        ("prior: 0.3", "prior: [0.3]", "prior:", "Expected a number, got a list"),
        ("title: A slow neighbour", "title: 3", "title: 3", "Expected a text, got a whole number"),
        ("title: A slow neighbour", "title: 2026-12-05", "title: 2026", "Expected a text, got a date"),
        (
            "severity: warning",
            "severity: fatal",
            "severity:",
            "'fatal' is no severity; it is one of info, warning, critical",
        ),
        ("  - uneven", "  - odd", "- odd", "'odd'"),
        ("strength: strong", "strength: mighty", "mighty", "; it is one of direct, strong, moderate, weak"),
        ("  - reason: U3", "  - reason: U9", "U9", "'U9'"),
        ("effort: low", "effort: none", "effort:", "'none'"),
        (
            "[supported, weak]",
            "[supported, likely]",
            "verdicts:",
            "; it is one of supported, weak, not-supported, refuted",
        ),
        ("expect: untestable", "expect: unknown", "expect: unknown", "'unknown'"),
        ("    reason: U3\n    expect", "    reason: U7\n    expect", "U7", "'U7'"),
        (
            "      Timeout: 30",
            "      Runtime: python3.12",
            "Runtime:",
            "Runtime is no setting that a rule may change; those are AutoPublishAlias, ",
        ),
        ("[4000, 5000]", "[4000, 4500, 5000]", "4500", "an interval is written [low, high]"),
        ("[4000, 5000]", "[4000]", "[4000]", "an interval is written [low, high]"),
        ("[4000, 5000]", "[]", "duration.p50: []", "an interval is written [low, high]"),
    ],
)
def test_a_value_that_cannot_be_is_refused_at_its_line(
    tmp_path: Path, old: str, new: str, marker: str, words: str
) -> None:
    text = change(old, new)
    line, sentence = refused(tmp_path, text)
    assert words in sentence
    assert line == line_of(text, marker)


@pytest.mark.parametrize(
    ("old", "new", "marker"),
    [
        ("supported_when: duration.p50 >= 3 s", "supported_when: duration.p00 >= 3 s", "duration.p00"),
        ("    - duration.p50 < 1 s", "    - duration.p00 < 1 s", "duration.p00"),
        ("    - duration.max < 2 s", "    - {not: duration.maxi < 2 s}", "duration.maxi"),
        ("when: duration.p50 is absent", "when: duration.p00 is absent", "duration.p00"),
        ("if: duration.p50 >= 4 s", "if: duration.p00 >= 4 s", "duration.p00"),
        ("if: duration.p95 < 1 s", "if: duration.p00 < 1 s", "duration.p00"),
        ("when: duration.p50 >= 5 s", "when: duration.p00 >= 5 s", "duration.p00"),
        ("hypothesis: Calls of {function}", "hypothesis: Calls of {functions}", "{functions}"),
        ("The logs of {function}", "The logs of {functions}", "{functions}"),
        ("call takes {duration.p50}", "call takes {duration.p00}", "{duration.p00}"),
        ("within {duration.p95}", "within {duration.p00}", "{duration.p00}"),
        ("traces of {function}", "traces of {functions}", "{functions}"),
        ("refuted_by: fast calls.", "refuted_by: fast calls, {duration.p00}.", "{duration.p00}"),
        ("about {function}", "about {functions}", "{functions}"),
        ("take {duration.p90}", "take {duration.p00}", "{duration.p00}"),
        ("{memory.next_size}", "{memory.next}", "{memory.next}"),
        ("metric: duration.mean", "metric: duration.median", "duration.median"),
        ("factor: memory.doubling_factor", "factor: memory.doubling", "memory.doubling"),
        ("duration.max: 9000", "duration.maxi: 9000", "duration.maxi"),
        ("{duration.p90: [null, 7]}", "{duration.p00: [null, 7]}", "duration.p00"),
    ],
)
def test_an_unknown_metric_is_refused_wherever_it_stands(tmp_path: Path, old: str, new: str, marker: str) -> None:
    text = change(old, new)
    line, sentence = refused(tmp_path, text)
    assert f"there is no metric {marker.strip('{}')}; did you mean " in sentence
    assert line == line_of(text, marker)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{function.__class__}",
        "{duration.p50!r}",
        "{duration.p50:>100000000}",
        "{0}",
        "{ duration.p50 }",
        "{function}{self}",
    ],
)
def test_braces_hold_a_name_and_nothing_else(tmp_path: Path, text: str) -> None:
    rule = change("refuted_by: fast calls.", f'refuted_by: "fast {text}"')
    line, sentence = refused(tmp_path, rule)
    assert line == line_of(rule, "refuted_by:")
    assert "there is no metric" in sentence


@pytest.mark.parametrize(
    ("old", "new", "marker"),
    [
        ("supported_when: duration.p50 >= 3 s", "supported_when: duration.p50 >= 3 %", "3 %"),
        ("    - duration.p50 < 1 s", "    - duration.p50 < 1 MB", "1 MB"),
        ("if: duration.p50 >= 4 s", "if: duration.p50 >= 4 %", "4 %"),
        ("when: duration.p50 >= 5 s", "when: duration.p50 >= 5 MB", "5 MB"),
    ],
)
def test_a_unit_that_does_not_fit_is_refused_at_its_line(tmp_path: Path, old: str, new: str, marker: str) -> None:
    text = change(old, new)
    line, sentence = refused(tmp_path, text)
    assert "write the number with ms or s" in sentence
    assert line == line_of(text, marker)


@pytest.mark.parametrize(
    ("old", "new", "marker"),
    [
        ("supported_when: duration.p50 >= 3 s", "supported_when: slow", "supported_when:"),
        ("supported_when: duration.p50 >= 3 s", "supported_when:", "supported_when:"),
        ("supported_when: duration.p50 >= 3 s", "supported_when: [duration.p50 >= 3 s]", "supported_when:"),
        ("  any:\n", "  either:\n", "refuted_when:"),
        ("    - duration.max < 2 s", "    - fast", "- fast"),
        ("when: duration.p50 is absent", "when: yes", "when: yes"),
        ("if: duration.p95 < 1 s", "if: 3", "if: 3"),
    ],
)
def test_what_is_no_condition_is_refused_at_its_line(tmp_path: Path, old: str, new: str, marker: str) -> None:
    text = change(old, new)
    line, sentence = refused(tmp_path, text)
    assert "is no condition" in sentence
    assert line == line_of(text, marker)


@pytest.mark.parametrize(
    ("old", "new", "marker", "got"),
    [
        ("explains:\n  - slow\n  - uneven\n", "explains: slow\n", "explains:", "a text"),
        ("  - uneven", "  - [uneven]", "- [uneven]", "a list"),
        ("strength: weak", "strength: {weak: 1}", "{weak: 1}", "keys with values"),
        ("say: The median call takes {duration.p50}.", "say: {duration: p50}", "say: {", "keys with values"),
        ("    settings:\n      MemorySize:", "    settings:\n    - MemorySize:", "settings:", "a list"),
        ("factor: memory.doubling_factor", "factor: [a, b]", "factor:", "a text"),
        ("factor: memory.doubling_factor", "factor: 0.5", "factor:", "a number"),
        ("duration.max: 9000", "duration.max: often", "duration.max: often", "a text"),
        ("[4000, 5000]", "[4000, many]", "many", "a text"),
        ("  - name: slow calls\n", "  - slow calls\n  - name: slow calls\n", "- slow calls", "a text"),
        ("  - https://", "  - {https: //}\n  - https://", "{https", "keys with values"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_however_deep_it_stands(
    tmp_path: Path, old: str, new: str, marker: str, got: str
) -> None:
    text = change(old, new)
    line, sentence = refused(tmp_path, text)
    assert "Expected " in sentence
    assert f"got {got}" in sentence
    assert line == line_of(text, marker)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("Timeout: 901", "Expected a whole number <= 900"),
        ("Timeout: soon", "Expected a number, or one metric in braces"),
        ("Timeout: 1.5", "Expected a whole number or a text, got a number"),
        ("EphemeralStorage: 1024", "Expected keys with values, got a whole number"),
        ("EphemeralStorage: {Size: 100}", "Expected a whole number >= 512"),
        ("EventInvokeConfig: {MaxRetryAttempts: 1}", "there is no key MaxRetryAttempts here; did you mean MaximumRetryAttempts?"),
        ("EventInvokeConfig: {DestinationConfig: {OnFailure: SQS}}", "Expected keys with values, got a text"),
        ("DeploymentPreference: {}", "the key Type is missing"),
        ("Tracing: sometimes", "'sometimes' is no value of Tracing"),
        ("MaximumRetryAttempts: 1", "MaximumRetryAttempts is no setting that a rule may change; those are AutoPublishAlias, "),
    ],
)  # fmt: skip
def test_a_setting_that_no_function_can_have_is_refused_at_its_line(tmp_path: Path, setting: str, words: str) -> None:
    text = change("      Timeout: 30\n", f"      {setting}\n")
    line, sentence = refused(tmp_path, text)
    assert sentence.startswith(words)
    assert line == line_of(text, setting)


@pytest.mark.parametrize("key", ["id", "title", "severity", "hypothesis", "prior", "supported_when", "settled_by"])
def test_a_key_that_is_missing_is_named(tmp_path: Path, key: str) -> None:
    text = "".join(line for line in RULE.splitlines(keepends=True) if not line.startswith(f"{key}:"))
    _, sentence = refused(tmp_path, text)
    assert sentence == f"the key {key} is missing"


@pytest.mark.parametrize(
    ("gone", "field", "marker"),
    [
        ("      say: The median call takes {duration.p50}.\n", "say", "- strength: strong"),
        ("    why: Calls take {duration.p90}.\n", "why", "- effort: low"),
        ("      basis: a guess\n", "basis", "expected:"),
        ("    expect: supported\n", "expect", "- name: slow calls"),
    ],
)
def test_a_key_that_is_missing_further_down_is_named_at_the_part_that_lacks_it(
    tmp_path: Path, gone: str, field: str, marker: str
) -> None:
    text = change(gone, "")
    line, sentence = refused(tmp_path, text)
    assert sentence == f"the key {field} is missing"
    assert line == line_of(text, marker)


# ── hostile files ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: A slow neighbour", "title: !!python/name:os.system"),
        ("title: A slow neighbour", "title: !!python/object/apply:pathlib.Path.touch [HERE]"),
        ("title: A slow neighbour", "title: !!python/object/new:os.system [touch HERE]"),
        ("explains:\n", "explains: !!python/object/apply:pathlib.Path.touch\n"),
        ("evidence:\n", "evidence: !!python/object:analyzer.model.Sign\n"),
        ("      Timeout: 30", "      Timeout: !!python/object/apply:os.system [touch HERE]"),
        ("      Timeout: 30", "      Timeout: !GetAtt Function.Timeout"),
        ("      Timeout: 30", "      Timeout: !mine {a: 1}"),
    ],
)
def test_a_tag_is_refused_at_its_line_and_makes_nothing_happen(tmp_path: Path, old: str, new: str) -> None:
    trace = tmp_path / "trace"
    text = change(old, new.replace("HERE", str(trace)))
    line, _ = refused(tmp_path, text)
    assert line == line_of(text, new.partition("HERE")[0].strip())
    assert not trace.exists()


@pytest.mark.parametrize(
    "value",
    [
        "2026-13-45",
        "=",
        '!!int ""',
        "!!int many",
        "!!bool perhaps",
        "!!timestamp today",
        "!!binary '#'",
        pytest.param("9" * 5000, id="5000 digits"),
    ],
)
def test_a_value_that_yaml_cannot_make_is_refused_at_its_line(tmp_path: Path, value: str) -> None:
    text = change("title: A slow neighbour", f"title: {value}")
    line, _ = refused(tmp_path, text)
    assert line == line_of(text, "title: " + value)


@pytest.mark.parametrize("key", ["? [a, b]\n: 1", "? {a: b}\n: 1", "{a: b}: 1", "? - a\n: 1"])
def test_a_key_that_is_no_word_is_refused(tmp_path: Path, key: str) -> None:
    text = change("severity: warning\n", f"severity: warning\n{key}\n")
    line, _ = refused(tmp_path, text)
    assert line == line_of(text, key.splitlines()[0])


def test_a_part_that_holds_itself_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, change("explains:\n  - slow\n", "explains: &again\n  - *again\n"))


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_brackets_without_end_are_refused(tmp_path: Path, opening: str) -> None:
    refused(tmp_path, "id: mine\nexplains:\n  " + opening * 5000)


CAGE = """
import contextlib, resource, sys
from pathlib import Path
from analyzer.diagnose import load_rules
from analyzer.errors import UserError
from analyzer.pipeline import rules_from
resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
with contextlib.suppress(ValueError):  # macOS knows no such limit
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
try:
    load_rules(Path(sys.argv[1]))
except UserError as problem:
    print(problem)
"""


@pytest.mark.parametrize("folded", ["[{0}]", "{{{0}}}"], ids=["lists", "mappings"])
def test_a_file_that_unfolds_to_billions_is_refused_before_it_does(tmp_path: Path, folded: str) -> None:
    """In a process of its own with little memory, which is killed where it goes on for long."""
    lists = folded.startswith("[")
    bomb = ["a0: &a0 laugh"]
    for depth in range(1, 12):
        aliases = (f"*a{depth - 1}" if lists else f"k{number}: *a{depth - 1}" for number in range(9))
        bomb.append(f"a{depth}: &a{depth} {folded.format(', '.join(aliases))}")
    path = write(tmp_path, RULE + "\n".join(bomb) + "\n")
    ran = subprocess.run(
        [sys.executable, "-c", CAGE, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr[-400:]
    assert ran.stdout.startswith(f"{path}:")


def lines_of_rules() -> st.SearchStrategy[list[str]]:
    """The rule with lines lost, doubled, moved or spoilt."""
    spoilt = st.tuples(
        st.sampled_from(RULE.splitlines()), st.text(alphabet="{}[]:,-&*!|>'\"%@`#?= \ta1.~<\0\x85", max_size=6)
    )
    some = st.lists(st.integers(0, len(RULE.splitlines()) - 1), min_size=1, max_size=4)

    def spoil(where: list[int], parts: list[tuple[str, str]]) -> list[str]:
        lines = RULE.splitlines()
        for number, (line, text) in zip(where, parts, strict=False):
            lines[number] = line[: len(text)] + text + line[len(text) :] if len(text) % 2 else line + text
        return lines

    return st.builds(spoil, some, st.lists(spoilt, min_size=1, max_size=4))


@given(lines_of_rules())
@settings(deadline=None, max_examples=200)
def test_whatever_happens_to_a_file_it_is_a_rule_or_refused_at_one_of_its_lines(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), "\n".join(lines) + "\n")
        try:
            rules = load_rules(Path(folder))
        except UserError as problem:
            number = str(problem).removeprefix(f"{path}:").partition(":")[0]
            assert 1 <= int(number) <= len(path.read_text().splitlines()) + 1
        else:
            assert [rule.id for rule in rules] == ["mine"]
