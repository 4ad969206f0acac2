"""What chance does to files: a fixed part of what `make fuzz` does for as long as it is let."""

from __future__ import annotations

import random

import pytest

from tests.ingest.fuzz import STEPS, corpus, damaged, read

# Each takes about two seconds.
ROUNDS, INPUTS = 10, 12


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_no_accident_to_a_sample_crashes_a_reader_or_changes_what_a_block_says(seed: int) -> None:
    chance, samples = random.Random(seed), corpus()
    for _ in range(INPUTS):
        read(damaged(chance, samples), chance.choice(STEPS))
