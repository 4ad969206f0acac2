"""The fault is in the logs, its twin differs by the mechanism alone, and the truth says so."""

from __future__ import annotations

from collections import Counter, defaultdict
from statistics import median

import pytest
from msgspec.structs import asdict

from analyzer.simulate import Case, scenarios
from analyzer.simulate.fleet import Call, Run
from analyzer.simulate.scenario import Parameters, draw, ranges
from tests.simulate.conftest import case

NAMES = list(scenarios())
FAULTS = [name for name, scenario in scenarios().items() if scenario.without]
HEALTHY = [name for name, scenario in scenarios().items() if not scenario.without]
HYPOTHESES = {
    "memory-constrained", "out-of-memory", "memory-leak", "cold-start", "init-failure", "timeout-misconfigured",
    "downstream-dependency", "algorithmic", "input-growth", "deploy-regression", "runtime-update", "application-error",
    "retry-storm", "concurrency-limit", "load-contention", "noisy-environment", "over-provisioned",
}  # fmt: skip


def well(run: Run) -> list[Call]:
    """Calls that served a warm environment and came back."""
    return [call for call in run.calls if call.ended == "ok" and call.init_ms is None and not call.suppressed_ms]


def halves(made: Case) -> tuple[list[Call], list[Call]]:
    """Warm calls before and after the onset."""
    calls = well(made.run)
    return [call for call in calls if call.begin < made.run.onset], [
        call for call in calls if call.begin >= made.run.onset
    ]


def durations(calls: list[Call]) -> list[float]:
    return [call.duration_ms for call in calls]


def versions(made: Case, calls: list[Call]) -> set[str]:
    streams = {made.names.streams[call.environment] for call in calls}
    return {stream.partition("[")[2].partition("]")[0] for stream in streams}


def test_every_hypothesis_has_a_fault_and_there_are_healthy_kinds() -> None:
    assert {one for name in FAULTS for one in scenarios()[name].injects} == HYPOTHESES
    assert len(HEALTHY) >= 4
    for name in HEALTHY:
        assert scenarios()[name].injects == []


@pytest.mark.parametrize("file", ranges())
@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_draws_from_every_file_of_ranges(name: str, file: str) -> None:
    drawn = [draw(name, file, seed) for seed in range(20)]
    assert len({one.work_ms for one in drawn}) == 20
    for one in drawn:
        assert 0 <= one.onset < 1


def test_the_two_files_of_ranges_differ() -> None:
    assert ranges() == ["held-out", "tuning"]
    drawn = [{draw("steady", file, seed).runtime for seed in range(60)} for file in ranges()]
    assert drawn[0].isdisjoint(drawn[1])


@pytest.mark.parametrize("name", FAULTS)
def test_the_twin_differs_only_by_what_the_scenario_names(name: str) -> None:
    made = case(name)
    changed = {key for key, value in asdict(made.twin.parameters).items() if value != asdict(made.run.parameters)[key]}
    assert changed == set(scenarios()[name].without)
    assert (made.run.horizon, made.run.onset, made.run.until) == (made.twin.horizon, made.twin.onset, made.twin.until)
    first = {call.request: call for call in made.run.calls if call.attempt == 1}
    other = {call.request: call for call in made.twin.calls if call.attempt == 1}
    assert {key: call.due for key, call in first.items()} == {key: call.due for key, call in other.items()}
    assert {key: call.records for key, call in first.items()} == {key: call.records for key, call in other.items()} or (
        name == "input-growth"
    )


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows_for_most_seeds(name: str) -> None:
    truths = [case(name, seed=seed, requests=1_000).truth for seed in range(1, 6)]
    assert sum(truth.manifest for truth in truths) >= 3
    for truth in truths:
        assert truth.injects == (list(scenarios()[name].injects) if truth.manifest else [])


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_case_injects_nothing(name: str) -> None:
    truth = case(name).truth
    assert not truth.manifest
    assert truth.injects == []
    assert (truth.begin, truth.end) == (None, None)


def test_a_fault_that_changes_nothing_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Case("noisy-environment", 3, requests=300)
    made.parameters = _with(made.parameters, noisy_share=0.0)
    assert not made.truth.manifest
    assert made.truth.injects == []


def test_memory_rises_within_the_environments_of_a_leak() -> None:
    made = case("memory-leak")
    rises = {}
    for run in (made.run, made.twin):
        marks: dict[int, list[int]] = defaultdict(list)
        for call in run.calls:
            marks[call.environment].append(call.used_mb)
        longest = max(marks.values(), key=len)
        rises[run is made.run] = longest[-1] - longest[len(longest) // 2]
    assert rises[True] > 5 * max(1, rises[False])


def test_a_hang_leaves_a_plateau_at_the_client_timeout() -> None:
    made = case("downstream-hang", requests=2_000)
    limit = made.parameters.hang_s * 1000
    slow = [value for value in durations(well(made.run) or made.run.calls) if value > limit / 2]
    if made.parameters.hang_raises:
        slow = [call.duration_ms for call in made.run.calls if call.hung]
    assert len(slow) >= 5
    assert sum(limit <= value <= 1.2 * limit + 1_000 for value in slow) / len(slow) > 0.8


def test_an_episode_is_slow_and_over_again() -> None:
    made = case("downstream-episode")
    inside = [call for call in well(made.run) if made.run.onset <= call.begin < made.run.until]
    outside = [call for call in well(made.run) if not made.run.onset <= call.begin < made.run.until]
    assert median(durations(inside)) > 1.3 * median(durations(outside))
    assert any(call.begin > made.run.until for call in outside)


def test_less_memory_is_slower_where_the_cpu_was_short() -> None:
    made = case("cpu-starved")
    before, after = halves(made)
    assert {call.memory_mb for call in before} > {call.memory_mb for call in after} or min(
        call.memory_mb for call in before
    ) > max(call.memory_mb for call in after)
    assert median(durations(after)) > 1.3 * median(durations(before))
    assert len({call.memory_mb for call in case("cpu-starved-unchanged").run.calls}) == 1


def test_pressed_calls_fill_their_memory() -> None:
    run = case("memory-pressure").run
    assert median(call.used_mb / call.memory_mb for call in run.calls) > 0.85


def test_killed_calls_stand_at_their_limit() -> None:
    killed = [call for call in case("out-of-memory").run.calls if call.ended == "out_of_memory"]
    assert killed
    assert all(call.used_mb == call.memory_mb for call in killed)


def test_the_tail_of_cold_starts_is_cold() -> None:
    run = case("cold-start").run
    slowest = sorted(run.calls, key=lambda call: call.end - call.due)[-len(run.calls) // 20 :]
    cold = sum(call.init_ms is not None or call.suppressed_ms is not None for call in slowest)
    assert cold / len(slowest) > 0.8


def test_failed_starts_stay_within_their_window() -> None:
    made = case("init-failure", seed=5)
    failed = [call for call in made.run.calls if call.ended == "init_failure"]
    assert failed
    assert all(made.run.onset <= call.due < made.run.until + 300_000 for call in failed)


def test_work_grows_faster_than_its_input() -> None:
    calls = sorted(well(case("algorithmic").run), key=lambda call: call.records)
    low, high = calls[: len(calls) // 4], calls[-len(calls) // 4 :]
    inputs = median(call.records for call in high) / median(call.records for call in low)
    assert median(durations(high)) / median(durations(low)) > inputs


def test_input_grows_with_time() -> None:
    calls = well(case("input-growth").run)
    early, late = calls[: len(calls) // 4], calls[-len(calls) // 4 :]
    assert median(call.records for call in late) > 1.3 * median(call.records for call in early)
    assert median(call.used_mb for call in late) > median(call.used_mb for call in early)


def test_a_deploy_is_slower_from_its_version_on() -> None:
    made = case("deploy-slower")
    before, after = halves(made)
    assert versions(made, before).isdisjoint(versions(made, after))
    assert median(durations(after)) > 1.15 * median(durations(before))


def test_a_deploy_fails_from_its_version_on() -> None:
    made = case("deploy-failing")
    broken = [call for call in made.run.calls if call.cause == "version"]
    assert broken
    assert min(call.begin for call in broken) >= made.run.onset


def test_a_patch_changes_the_runtime_and_not_the_version() -> None:
    made = case("runtime-update")
    before, after = halves(made)
    assert versions(made, before) == versions(made, after)
    rows, _ = made.rows()
    assert len({row.runtime for row in rows}) == 2
    assert median(durations(after)) > 1.1 * median(durations(before))


def test_a_poisoned_event_comes_three_times_a_minute_and_two_apart() -> None:
    made = case("retry-storm")
    poisoned = [call for call in made.run.calls if call.cause == "poison"]
    attempts = Counter(call.request for call in poisoned)
    assert set(attempts.values()) == {3}
    of_one = sorted((call for call in poisoned if call.request == poisoned[0].request), key=lambda call: call.attempt)
    assert 60_000 <= of_one[1].due - of_one[0].end < 61_001
    assert 120_000 <= of_one[2].due - of_one[1].end < 121_001


def test_a_cap_is_reached_and_never_passed() -> None:
    made = case("concurrency-cap")
    assert _peak(made.run) < _peak(made.twin)
    assert max(call.begin - call.due for call in well(made.run)) > 500


def test_calls_in_a_crowd_are_slower() -> None:
    made = case("load-contention", requests=2_000)
    crowds = [(_running(made.run, call.begin), call.duration_ms) for call in well(made.run)[::10]]
    middle = median(crowd for crowd, _ in crowds)
    crowded = [duration for crowd, duration in crowds if crowd > middle]
    lonely = [duration for crowd, duration in crowds if crowd < middle]
    assert median(crowded) > median(lonely)


def test_a_few_environments_are_slow_for_life() -> None:
    made = case("noisy-environment", requests=2_000)
    by_environment: dict[int, list[float]] = defaultdict(list)
    for call in well(made.run):
        by_environment[call.environment].append(call.duration_ms)
    medians = [median(values) for values in by_environment.values() if len(values) >= 8]
    slow = [value for value in medians if value > 1.6 * median(medians)]
    assert 0 < len(slow) < len(medians) / 2


def test_over_provisioned_functions_use_little_and_cost_much() -> None:
    made = case("over-provisioned")
    assert max(call.used_mb / call.memory_mb for call in made.run.calls) < 0.5
    relative = made.truth.effect["gb_seconds"].relative
    assert relative is not None
    assert relative > 1


def test_throttled_calls_say_so() -> None:
    made = case("downstream-throttling")
    _, lines = made.rows()
    said = [line for line in lines if line.kind == "warning" and "Rate exceeded" in line.message]
    assert said or made.names.voice.family == "java"


def test_failures_of_the_application_are_spread_over_the_whole_time() -> None:
    made = case("application-error", requests=2_000)
    broken = [call for call in made.run.calls if call.cause == "application"]
    middle = made.run.horizon / 2
    assert sum(call.begin < middle for call in broken) >= 3
    assert sum(call.begin >= middle for call in broken) >= 3


def _with(parameters: Parameters, **changes: float) -> Parameters:
    return Parameters(**(asdict(parameters) | changes))


def _running(run: Run, moment: int) -> int:
    return sum(call.begin <= moment < call.end for call in run.calls)


def _peak(run: Run) -> int:
    changes = sorted([(call.end, -1) for call in run.calls] + [(call.begin, 1) for call in run.calls])
    running = peak = 0
    for _, change in changes:
        running += change
        peak = max(peak, running)
    return peak
