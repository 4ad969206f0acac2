"""Cases that several tests look at, made once each."""

from __future__ import annotations

from functools import cache

from analyzer.simulate import Case

REQUESTS = 600


@cache
def case(name: str, seed: int = 3, requests: int = REQUESTS, file: str = "tuning") -> Case:
    return Case(name, seed, requests=requests, file=file)
