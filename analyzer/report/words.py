"""What templates say things with: numbers that lead to their query, names as code, sentences in the plural.

Everything given out is Markdown that is safe to print. What a template prints without these is escaped and masked as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from analyzer import figures
from analyzer.model import Evidence, Expected, Measured, Move, Verdict
from analyzer.report.document import FunctionReport, Issue, Period, Report, Snippet, Solution
from analyzer.report.escape import Markdown, code_block, code_span, cut, markdown
from analyzer.report.expected import always_so
from analyzer.report.symptoms import slow_population_name

EXCERPT = 200
INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")
VERDICTS: dict[Verdict, str] = {
    "supported": "supported",
    "weak": "weakly supported",
    "not-supported": "not supported",
    "refuted": "refuted",
    "untestable": "untestable",
}
Numbers = dict[str, Measured]
# The methods below by the names under which templates know them.
FILTERS = (
    "figure", "number", "short", "interval", "expected", "code", "codes", "listed", "excerpt", "block", "sql", "prose",
    "period", "verdict", "limit", "moment", "instant", "lag", "move", "share", "spent",
)  # fmt: skip
FUNCTIONS = ("always_so", "between", "cite", "plural", "headline", "slow", "slices", "query", "urgent")


def limit(threshold: str) -> str:
    """60 s, of duration>60s."""
    return re.sub(r"([a-z]+)$", r" \1", threshold.partition(">")[2])


class Words:
    """The filters and functions that a template of `report` may use; `cited` are the queries it led to, in order."""

    def __init__(self, report: Report, mask: Callable[[str], str]) -> None:
        self.report = report
        self.mask = mask
        self.cited: dict[str, None] = {}

    def filters(self) -> dict[str, Callable[..., object]]:
        return {name: getattr(self, name) for name in FILTERS}

    def functions(self) -> dict[str, object]:
        return {"report": self.report, "cited": self.cited} | {name: getattr(self, name) for name in FUNCTIONS}

    # ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def cite(self, *numbers: Measured | str) -> Markdown:
        """Links to the queries behind numbers."""
        names = list(dict.fromkeys(one if isinstance(one, str) else one.evidence for one in numbers))
        self.cited.update(dict.fromkeys(names))
        return Markdown("<sup>" + " ".join(f"[{name}](#{name})" for name in names) + "</sup>")

    def figure(self, measured: Measured) -> Markdown:
        """A number with k of n, its interval and its query."""
        return Markdown(markdown(figures.write_measured(measured)) + Markdown(" ") + self.cite(measured))

    def number(self, measured: Measured) -> Markdown:
        """A number with its query."""
        return Markdown(self.short(measured) + Markdown(" ") + self.cite(measured))

    @staticmethod
    def short(measured: Measured) -> Markdown:
        """A number alone, where its query stands beside it."""
        if measured.value is None:
            return Markdown("–")
        return markdown(figures.write(measured.value, measured.unit))

    @staticmethod
    def interval(measured: Measured) -> Markdown:
        return markdown(figures.write_interval(measured))

    @staticmethod
    def expected(expected: Expected) -> Markdown:
        """What an action should do: between 61 s and 145 s, at most 1 %, or 0 %."""
        low, high = (figures.write(value, expected.unit) for value in (expected.low, expected.high))
        if expected.low == expected.high:
            return markdown(low)
        return markdown(f"at most {high}" if expected.low == 0 else f"between {low} and {high}")

    @staticmethod
    def move(move: Move) -> Markdown:
        """By how much a number moved."""
        return markdown(figures.write_move(move))

    @staticmethod
    def share(share: float) -> Markdown:
        """A share that is no number of the logs."""
        return markdown(figures.write(share, "share"))

    @staticmethod
    def spent(share: float) -> Markdown:
        """How much of a budget was used up: 33.3 %, 29.4 times."""
        return markdown(f"{figures.write(share, 'ratio')} times" if share >= 2 else figures.write(share, "share"))

    def query(self, name: str) -> Evidence:
        """The query of this name, of this report or of what is kept of the earlier one."""
        earlier = self.report.earlier
        return (self.report.evidence | (earlier.evidence if earlier else {}))[name]

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def plural(n: int, one: str, many: str | None = None) -> str:
        return f"{n:,} {one if n == 1 else many or one + 's'}"

    def listed(self, items: Iterable[str]) -> Markdown:
        """a, b and c."""
        texts = [item if isinstance(item, Markdown) else markdown(self.mask(item)) for item in items]
        return Markdown(", ".join([*texts[:-2], " and ".join(texts[-2:])]))

    def code(self, text: str) -> Markdown:
        return code_span(self.mask(text))

    def codes(self, names: Iterable[str]) -> Markdown:
        """`a`, `b` and `c`."""
        return self.listed(self.code(name) for name in names)

    def excerpt(self, text: str) -> Markdown:
        """A log line, masked before it is cut: half a secret would not be known for one."""
        return code_span(cut(self.mask(" ".join(text.split())), EXCERPT))

    def block(self, snippet: Snippet) -> Markdown:
        return code_block(self.mask(snippet.text), snippet.language)

    def sql(self, text: str) -> Markdown:
        return code_block(self.mask(text.strip()), "sql")

    @staticmethod
    def verdict(word: Verdict) -> str:
        return VERDICTS[word]

    def prose(self, text: str) -> Markdown:
        """A sentence of a rule, in which `code` may stand between backticks."""
        parts = text.split("`") if text.count("`") % 2 == 0 else [text]
        return Markdown("".join(self._part(part, code=number % 2 == 1) for number, part in enumerate(parts)))

    def _part(self, text: str, *, code: bool) -> str:
        if code:
            return self.code(text)
        inner = markdown(self.mask(text))
        # Escaping trims, and a space beside code has to stay.
        return f"{' ' * text[:1].isspace()}{inner}{' ' * (text[-1:].isspace() and bool(inner))}"

    @staticmethod
    def period(period: Period) -> str:
        begin, end = (f"{moment[:10]} {moment[11:16]}Z" for moment in (period.begin or "", period.end or ""))
        return f"{begin} to {end[11:] if begin[:10] == end[:10] else end}"

    @staticmethod
    def instant(moment: str) -> Markdown:
        """A time to the second: 2026-03-05 06:31:48Z, in which no colon can begin an emoji."""
        text = f"{moment[:10]} {moment[11:19]}Z"
        return Markdown(text) if INSTANT.fullmatch(text) else markdown(text)

    @classmethod
    def between(cls, earliest: str, latest: str) -> Markdown:
        """Two times, the day told once where it is the same: 21:13:33Z to 21:16:21Z."""
        first, last = cls.instant(earliest), cls.instant(latest)
        if first[:10] == last[:10] and INSTANT.fullmatch(first) and INSTANT.fullmatch(last):
            first, last = Markdown(first[11:]), Markdown(last[11:])
        return Markdown(f"{first} to {last}")

    @staticmethod
    def lag(microseconds: int, moment: str) -> str:
        """How long after `moment`, or before it: 5 min after."""
        passed = microseconds - datetime.fromisoformat(moment).timestamp() * 1e6
        return f"{figures.span(abs(passed))} {'after' if passed >= 0 else 'before'}"

    limit = staticmethod(limit)

    @staticmethod
    def moment(microseconds: int) -> str:
        return figures.write(microseconds / 1_000_000, "time")

    def always_so(self, issues: list[Issue]) -> bool:
        """Whether `issues` say no more than that functions are slow by nature."""
        return always_so(issues, self.report.expected)

    # ── what to do ───────────────────────────────────────────────────────────────────────────────────────────────────

    def urgent(self) -> list[Solution]:
        """What to do, in order: what mends a supported cause comes before what finds out more."""
        return sorted(self.report.solutions, key=lambda solution: solution.verdict != "supported")

    # ── parts of a function's numbers ────────────────────────────────────────────────────────────────────────────────

    def headline(self, function: FunctionReport) -> Measured:
        """The breach rate of the threshold that the report is about."""
        rates = function.metrics["breach.rate"]
        assert isinstance(rates, list)
        return next(one for one in rates if one.threshold == self.report.headline)

    def slow(self, function: FunctionReport) -> Numbers:
        """The durations of the invocations beyond that threshold; empty where there are none."""
        name = slow_population_name(self.report.headline)
        return {one.metric: one for one in function.slices if one.population == name}

    @staticmethod
    def slices(function: FunctionReport, by: str) -> dict[str, Numbers]:
        """The numbers of each "version", "hour" or "day" by its name."""
        groups: dict[str, Numbers] = {}
        for one in function.slices:
            _, _, label = one.population.rpartition(", ")
            kind, _, name = label.partition(" ")
            if kind == by:
                groups.setdefault(name, {})[one.metric] = one
        return groups
