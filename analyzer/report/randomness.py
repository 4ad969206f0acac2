"""Tells values that were drawn at random from words, names and paths, by how their characters follow each other.

Each pair of neighbouring characters is a little evidence: names are made of few pairs, change case seldom, and hold digits
in groups. The weights are rounded ratios of how often such pairs stand in random values and in the identifiers of Python's
standard library, in bits; docs/truth.md says how both kinds come out elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

# A shorter value leaves too few pairs to tell it from a name with a number in it.
LEAST = 20
# Hexadecimal ids of spans, objects and segments are shorter than digests and keys.
LEAST_HEX = 32
# A value counts as random when that is a thousand times likelier than that it is a name; as a path, when one of its parts is a
# word, sixty to one.
RANDOM, WORD = 10.0, -6.0
# The pairs of letters that make nine in ten of those in identifiers; of all there are, they are three in ten.
PAIRS = (
    "ab ac ad ag ai al am an ap ar as at au av ba be bi bl bo bu ca ce ch ci ck cl co cr ct cu da dd de di dl do "
    "ds du ea ec ed ee ef eg el em en ep eq er es et ev ew ex ey fa fe ff fi fl fo fr fu ge gh gi gr gs ha he hi "
    "ho ht ia ib ic id ie if ig il im in io ip ir is it iv ix iz ke la ld le li ll lo ls lt lu ly ma me mi mm mo "
    "mp na nc nd ne nf ng ni no ns nt nu oa ob oc od ol om on oo op or os ot ou ow pa pe pi pl po pp pr pt py qu "
    "ra rc rd re rg ri rm rn ro rr rs rt ry sa sc se sh si so sp ss st su sy ta tc te th ti tl to tp tr ts tt tu "
    "ty ub ue ui ul um un up ur us ut va ve vi wa wi xt yp ys ze"
)
COMMON = frozenset(PAIRS.split())
# Fewer different characters than this make a rule or a drawing.
LEAST_DIFFERENT = 10
# What follows an escape such as \\n begins behind it.
VALUE = re.compile(rf"(?:(?<![A-Za-z0-9\\])|(?<=\\[nrt])|(?<=\\)(?![nrt]))[A-Za-z0-9+/_-]{{{LEAST},}}+")
SEPARATORS, HYPHENS = re.compile(r"[+/]"), re.compile(r"[-_]")
HEX = re.compile(r"(?=.*[a-fA-F])(?=.*\d)[0-9A-Fa-f-]+")
UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
# What says of the value behind it that it is an id or a digest: a name, a stream's version in brackets, the digest of a
# runtime. The id of a session opens it, so it is none of these.
IDENTIFIED = re.compile(
    r"(?:(?<!ession)(?<!ession[_-])(?:(?<![A-Za-z])id|(?<=[a-z0-9])Id|ID)(?:-2)?"
    r"|(?i:trace|span|sha-?\d*|md5|hash|digest|e-?tag|checksum|integrity|commit|revision|fingerprint|runtime|root|self|parent)"
    r"|\[\$?\w{1,20}\])[\s\\\"'=:>(#-]{0,16}$"
)
BEFORE = 48


def random_parts(text: str) -> Iterator[tuple[int, int]]:
    """Where in `text` a value stands that looks drawn at random and that nothing before it calls an id: begin and end."""
    for match in VALUE.finditer(text):
        if IDENTIFIED.search(text[max(0, match.start() - BEFORE) : match.start()]):
            continue
        if _is_random(match[0]):
            yield match.span()
            continue
        begin = match.start()
        for piece in SEPARATORS.split(match[0]):
            if _is_random(piece):
                yield begin, begin + len(piece)
            begin += len(piece) + 1


def _is_random(value: str) -> bool:
    """Whether all of it is; a path with a random part is not."""
    value = UUID.sub("", value)
    if len(value) < LEAST:
        return False
    if HEX.fullmatch(value):
        return max(map(len, value.split("-"))) >= LEAST_HEX
    if len(set(value)) < LEAST_DIFFERENT or score(value) < RANDOM:
        return False
    # A name made of words, with an end that was drawn, is a name.
    if sum(len(piece) for piece in HYPHENS.split(value) if score(piece) > 0) < LEAST:
        return False
    return not any(score(piece) <= WORD for piece in SEPARATORS.split(value))


def score(value: str) -> float:
    """How much likelier such a value is drawn at random than made as a name, in bits."""
    return sum(_weight(one, following) for one, following in pairwise(value))


@cache  # of the pairs that a value can have, which are a few thousand
def _weight(one: str, following: str) -> float:
    if not (one.isalnum() and following.isalnum()):
        return -1.0
    if one.isdigit() or following.isdigit():
        return 0.0 if one.isdigit() and following.isdigit() else 3.0
    common = (one + following).lower() in COMMON
    match one.isupper(), following.isupper():
        case False, False:
            return -2.0 if common else 1.5
        case True, True:
            return -1.0 if common else 2.0
        case True, False:
            return 0.5 if common else 4.0
    return 1.0 if common else 3.0
