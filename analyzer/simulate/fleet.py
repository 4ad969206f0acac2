"""A fleet of execution environments and the calls it serves. Times are whole milliseconds since the case began.

Everything random is drawn beforehand, by request and attempt or by environment, so that a case and its twin without the
mechanism meet the same requests, the same waits and the same environments.
"""

from __future__ import annotations

import heapq
import math
from typing import Literal

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from analyzer.errors import UserError
from analyzer.simulate.scenario import Parameters, Startup, calibration, generator

Floats = npt.NDArray[np.float64]
Ended = Literal["ok", "error", "timeout", "out_of_memory", "init_failure"]
# Why a handler failed; what it threw depends on the runtime.
Cause = Literal["background", "application", "version", "poison", "throttled", "hang"]

HOUR, DAY = 3_600_000, 86_400_000
# One vCPU comes with this much memory.
FULL_VCPU_MB = 1_769
# The size at which the first calls of the calibration were measured.
CALIBRATED_MB = 512
# A failed asynchronous event is tried again after one minute, then after two.
RETRIES_MS = (60_000, 120_000)
ATTEMPTS = 1 + len(RETRIES_MS)
# An initialisation that takes longer is stopped, and repeated inside the first call.
INIT_LIMIT_MS = 10_000
# A throttled asynchronous event waits a second, then twice as long each time, up to five minutes.
BACKOFF_MS, LONGEST_BACKOFF_MS = 1_000, 300_000
# Garbage collection is felt from this part of the memory on.
FULL_FROM = 0.85
# The records of an input of median size.
RECORDS = 200
SMALLEST_MB, LARGEST_MB = 128, 10_240


class Epoch(Struct, frozen=True):
    """A state of the function's configuration; a new one replaces all environments."""

    begin: int
    version: str
    patch: int
    memory_mb: int
    share: float
    factor: float
    error_share: float


class Environment(Struct, gc=False):
    """An execution environment: one log stream. `factor` stretches its calls; `need` is the fullest it has been, in MB."""

    number: int
    epoch: int
    born: int
    life: int
    factor: float
    free: int = 0
    calls: int = 0
    need: float = 0.0


class Call(Struct, frozen=True, gc=False):
    """One invocation. `due` is when its attempt was first asked for, `begin` when START is written.

    `init_ms` is what REPORT names; `suppressed_ms` is an initialisation that ran out of time or failed before.
    """

    environment: int
    request: int
    attempt: int
    due: int
    begin: int
    duration_ms: float
    init_ms: float | None
    suppressed_ms: float | None
    memory_mb: int
    used_mb: int
    ended: Ended
    cause: Cause | None
    hung: bool
    throttled: int
    lost: bool
    records: int

    @property
    def end(self) -> int:
        return self.begin + round(self.duration_ms)


class Run(Struct, frozen=True):
    """Everything that happened in a case, calls in the order in which they began."""

    parameters: Parameters
    seed: int
    horizon: int
    onset: int
    until: int
    timeout_s: int
    epochs: list[Epoch]
    environments: list[Environment]
    calls: list[Call]


class _Draws:
    """The random numbers of a case. Arrays by attempt and request, or by the ordinal of the environment."""

    def __init__(self, seed: int, requests: int) -> None:
        shape = (ATTEMPTS, requests)
        self.work, self.wait, self.memory = (
            generator(seed, name).standard_normal(shape) for name in ("work", "wait", "memory")
        )
        self.failing, self.lost, self.hang, self.throttle, self.oom, self.cut, self.version = (
            generator(seed, name).random(shape)
            for name in ("failing", "lost", "hang", "throttle", "oom", "cut", "version")
        )
        self.size = generator(seed, "size").standard_normal(requests)
        self.poison = generator(seed, "poison").random(requests)
        most = ATTEMPTS * requests + 1
        self.init, self.environment = (generator(seed, name).standard_normal(most) for name in ("init", "environment"))
        self.noisy, self.life, self.init_failure = (
            generator(seed, name).random(most) for name in ("noisy", "life", "init failure")
        )


def simulate_fleet(parameters: Parameters, seed: int, requests: int) -> Run:
    """Serve `requests` requests; failed ones may be tried again. Raises UserError for a runtime without calibration."""
    startup = calibration().get(parameters.runtime)
    if startup is None:
        raise UserError(f"the calibration has no {parameters.runtime}; it has {', '.join(calibration())}")
    return _Fleet(parameters, seed, requests, startup).run()


class _Fleet:
    def __init__(self, parameters: Parameters, seed: int, requests: int, startup: Startup) -> None:
        self.parameters = p = parameters
        self.seed = seed
        self.startup = startup
        self.draws = _Draws(seed, requests)
        # A call in the median at the nominal size, which the twin shares whatever the mechanism is.
        self.usual_ms = p.work_ms / _share(p, p.memory_mb) + p.wait_ms
        self.arrivals, self.horizon = _arrivals(p, seed, requests, self.usual_ms)
        self.onset = round(p.onset * self.horizon)
        self.until = round(min(1.0, p.onset + p.span) * self.horizon)
        self.epochs = self._epochs()
        self.within = (self.arrivals >= self.onset) & (self.arrivals < self.until)
        progress = np.clip((self.arrivals - self.onset) / max(1, self.until - self.onset), 0.0, 1.0)
        self.sizes = np.exp(p.size_spread * self.draws.size + p.growth * progress)
        self.work = p.work_ms * np.exp(p.work_spread * self.draws.work) * self.sizes**p.size_exponent
        self.wait = p.wait_ms * np.exp(p.wait_spread * self.draws.wait) * np.where(self.within, p.wait_factor, 1.0)
        drift = _drift(self.arrivals, self.horizon, seed) * p.drift
        self.work *= np.exp(drift)
        self.wait *= np.exp(drift)
        self.timeout_s = self._timeout()

    def _epochs(self) -> list[Epoch]:
        p = self.parameters
        random = generator(self.seed, "deploys")
        version = 1 + int(random.random() * 60)
        deploys = [(round(place * self.horizon), False) for place in random.random(p.benign_deploys)]
        changes = sorted([*deploys, (self.onset, True)]) if self.onset or p.deploys or p.patches else sorted(deploys)
        numbered = p.numbered or p.deploys or bool(p.benign_deploys)
        size = round(p.memory_mb * p.memory_before)
        epochs = [self._epoch(0, version, numbered, 0, size, False, False)]
        changed = False
        for begin, fault in changes:
            deployed = not fault or p.deploys
            changed = changed or fault
            if not (deployed or p.patches or p.memory_before != 1.0):
                continue
            version += deployed
            size = round(p.memory_mb) if changed else size
            patch = int(changed and p.patches)
            epochs.append(
                self._epoch(begin, version, numbered, patch, size, changed and p.deploys, changed and p.patches)
            )
        return epochs

    def _epoch(
        self, begin: int, version: int, numbered: bool, patch: int, size: int, regressed: bool, patched: bool
    ) -> Epoch:
        p = self.parameters
        memory = min(LARGEST_MB, max(SMALLEST_MB, round(size * p.oversize)))
        return Epoch(
            begin=begin,
            version=str(version) if numbered else "$LATEST",
            patch=patch,
            memory_mb=memory,
            share=1.0 if p.cpu_full else _share(p, memory),
            factor=(p.version_factor if regressed else 1.0) * (p.patch_factor if patched else 1.0),
            error_share=p.version_error_share if regressed else 0.0,
        )

    def _timeout(self) -> int:
        p = self.parameters
        if not p.timeout_quantile:
            return p.timeout_s
        usual = self.work[0] / self.epochs[0].share + self.wait[0]
        return max(1, round(float(np.quantile(usual, p.timeout_quantile)) / 1000))

    def run(self) -> Run:
        p, draws, startup, epochs = self.parameters, self.draws, self.startup, self.epochs
        due = self.arrivals.tolist()
        within = self.within.tolist()
        work, wait = self.work.tolist(), self.wait.tolist()
        roots = (self.sizes**0.5).tolist() if p.growth else (self.sizes**0.25).tolist()
        records = np.maximum(1, np.rint(self.sizes * RECORDS)).astype(int).tolist()
        noise = (p.memory_spread * draws.memory).tolist()
        failing, version_draw, cut = draws.failing.tolist(), draws.version.tolist(), draws.cut.tolist()
        hangs = (draws.hang < np.where(self.within, p.hang_share, 0.0)).tolist()
        throttles = np.where(draws.throttle < np.where(self.within, p.throttle_share, 0.0), draws.throttle, -1.0)
        tries = np.where(throttles >= 0, 1 + np.floor(4 * throttles / max(p.throttle_share, 1e-9)), 0)
        throttled = tries.astype(int).tolist()
        bursting = (draws.oom < np.where(self.within, p.oom_share, 0.0)).tolist()
        lost = (draws.lost < p.lost_share).tolist()
        poisoned = (self.within & (draws.poison < p.poison_share)).tolist()
        base_mb = startup.memory_mb
        app_mb = max(5.0, p.memory_use * p.memory_mb - base_mb)
        leak_mb = p.leak_share * max(0.0, p.memory_mb - base_mb - app_mb)
        limit_ms = self.timeout_s * 1000.0
        keep = round(p.keep_alive_s * 1000)
        cap = max(1, math.ceil(p.cap_factor * self._mean_concurrency())) if p.cap_factor else 0
        first_ms = startup.first_ms * p.first_factor * _share(p, CALIBRATED_MB)

        environments: list[Environment] = []
        calls: list[Call] = []
        idle: list[Environment] = []
        busy: list[tuple[int, int, Environment]] = []
        # When, an ordinal that keeps the order, request, attempt, when the attempt was first due, how often throttled.
        later: list[tuple[int, int, int, int, int, int]] = []
        ordinal = position = epoch = 0
        while position < len(due) or later:
            if later and (position >= len(due) or later[0][0] <= due[position]):
                now, _, request, attempt, first_due, waits = heapq.heappop(later)
            else:
                now, request, attempt, waits = due[position], position, 0, 0
                first_due = now
                position += 1
            while busy and busy[0][0] <= now:
                idle.append(heapq.heappop(busy)[2])
            if cap and len(busy) >= cap:
                backoff = min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** min(waits, 9)) * (0.5 + cut[attempt][request])
                ordinal += 1
                heapq.heappush(later, (now + round(backoff), ordinal, request, attempt, first_due, waits + 1))
                continue
            while epoch + 1 < len(epochs) and epochs[epoch + 1].begin <= now:
                epoch += 1
            state = epochs[epoch]
            # The environment that was used last comes first.
            environment = None
            while idle:
                candidate = idle.pop()
                if candidate.epoch == epoch and now - candidate.free <= keep and now - candidate.born <= candidate.life:
                    environment = candidate
                    break
            init: float | None = None
            suppressed: float | None = None
            begin = now
            ended: Ended = "ok"
            cause: Cause | None = None
            active = within[request]
            if environment is None:
                number = len(environments)
                stretch = math.exp(p.environment_spread * draws.environment[number])
                if active and draws.noisy[number] < p.noisy_share:
                    stretch *= p.noisy_factor
                life = round(p.life_h * HOUR * (0.7 + 0.6 * draws.life[number]))
                environment = Environment(number, epoch, now, life, stretch)
                environments.append(environment)
                init = round(startup.init_ms * p.init_factor * math.exp(startup.init_sdlog * draws.init[number]), 2)
                begin += round(min(init, INIT_LIMIT_MS))
                if active and draws.init_failure[number] < p.init_failure_share:
                    ended, suppressed, init = "init_failure", min(init, INIT_LIMIT_MS), None
                elif init >= INIT_LIMIT_MS:
                    suppressed, init = init, None

            leaked = leak_mb * environment.calls if active else 0.0
            need = base_mb + app_mb * roots[request] * (1 + noise[attempt][request]) + leaked
            if bursting[attempt][request]:
                need = state.memory_mb * (1.02 + 0.5 * cut[attempt][request])
            environment.need = max(environment.need, need)
            full = min(1.0, need / state.memory_mb)
            collecting = 1 + p.gc * (max(0.0, full - FULL_FROM) / (1 - FULL_FROM)) ** 2
            crowd = 1 + p.contention * len(busy) if p.contention and active else 1.0
            duration = work[attempt][request] / state.share * environment.factor * collecting
            duration = (duration + wait[attempt][request] * environment.factor) * state.factor * crowd
            if environment.calls == 0:
                duration += first_ms / state.share
            if suppressed is not None:
                duration = suppressed * 0.9 if ended == "init_failure" else duration + suppressed
            hung = hangs[attempt][request]
            if hung:
                duration += p.hang_s * 1000 * (1 + 0.002 * cut[attempt][request])
            # A client waits before it tries again: a tenth of a second, then twice as long each time.
            refused = throttled[attempt][request]
            duration += 100.0 * (2**refused - 1)

            failure = failing[attempt][request]
            if ended == "ok":
                if need >= state.memory_mb:
                    ended, duration = "out_of_memory", duration * (0.3 + 0.7 * cut[attempt][request])
                elif hung and p.hang_raises:
                    ended, cause = "error", "hang"
                elif refused >= 4:
                    ended, cause = "error", "throttled"
                elif poisoned[request]:
                    ended, cause = "error", "poison"
                elif version_draw[attempt][request] < state.error_share:
                    ended, cause = "error", "version"
                elif active and failure < p.application_error_share:
                    ended, cause = "error", "application"
                elif failure > 1 - p.error_share:
                    ended, cause = "error", "background"
                if cause in ("poison", "version", "application", "background"):
                    duration *= 0.2 + 0.8 * cut[attempt][request]
            if duration >= limit_ms:
                ended, cause, duration = "timeout", None, limit_ms
            duration = max(0.5, round(duration, 2))
            call = Call(
                environment=environment.number,
                request=request,
                attempt=attempt + 1,
                due=first_due,
                begin=begin,
                duration_ms=duration,
                init_ms=init,
                suppressed_ms=suppressed,
                memory_mb=state.memory_mb,
                used_mb=state.memory_mb if ended == "out_of_memory" else min(state.memory_mb, int(environment.need)),
                ended=ended,
                cause=cause,
                hung=hung and ended != "init_failure",
                throttled=refused if ended not in ("init_failure", "out_of_memory") else 0,
                lost=ended == "ok" and environment.calls > 0 and lost[attempt][request],
                records=records[request],
            )
            calls.append(call)
            environment.calls += 1
            environment.free = finish = call.end
            if ended in ("timeout", "out_of_memory", "init_failure"):
                # The environment is taken down; the next request gets a new one.
                environment.epoch = -1
            ordinal += 1
            heapq.heappush(busy, (finish, ordinal, environment))
            if ended != "ok" and p.asynchronous and attempt < len(RETRIES_MS):
                again = finish + RETRIES_MS[attempt] + round(1000 * cut[attempt][request])
                heapq.heappush(later, (again, ordinal, request, attempt + 1, again, 0))
        calls.sort(key=lambda call: call.begin)
        return Run(p, self.seed, self.horizon, self.onset, self.until, self.timeout_s, epochs, environments, calls)

    def _mean_concurrency(self) -> float:
        """By Little's law, at the nominal size."""
        return len(self.arrivals) / max(1, self.horizon) * self.usual_ms


def _share(p: Parameters, memory_mb: int) -> float:
    """The part of one vCPU that comes with this memory, for work of one thread."""
    return float(min(1.0, memory_mb / FULL_VCPU_MB) ** p.kappa)


def _arrivals(p: Parameters, seed: int, requests: int, usual_ms: float) -> tuple[npt.NDArray[np.int64], int]:
    """When requests come, in order, and how long that is: a rate with a daily rhythm, and bursts around moments of it."""
    random = generator(seed, "arrivals")
    if p.interval_min:
        interval = p.interval_min * 60_000
        late = random.exponential(200.0, requests)
        return np.sort(np.arange(requests) * interval + late).astype(np.int64), round(requests * interval)
    if p.days:
        horizon = p.days * DAY
    elif p.concurrency:
        horizon = requests * usual_ms / p.concurrency
    else:
        horizon = requests / p.requests_per_min * 60_000
    grid = np.linspace(0.0, horizon, 2_001)
    phase = random.random()
    rate = np.cumsum(1 + p.rhythm * np.sin(2 * math.pi * (grid / DAY - phase)))
    rate = (rate - rate[0]) / (rate[-1] - rate[0])

    def moments(places: Floats) -> Floats:
        return np.interp(places, rate, grid)

    times = moments(random.random(requests))
    together = random.random(requests) < p.burst_share
    bursts = max(1, round(requests * p.burst_share / max(1.0, p.burst_requests)))
    centres = moments(random.random(bursts))
    member = (random.random(requests) * bursts).astype(int)
    spread = random.exponential(p.burst_s * 1000, requests)
    times = np.where(together, np.minimum(centres[member] + spread, horizon), times)
    return np.sort(times).astype(np.int64), round(horizon)


def _drift(arrivals: npt.NDArray[np.int64], horizon: int, seed: int) -> Floats:
    """A slow wander of standard deviation one, as a sum of two slow waves."""
    random = generator(seed, "drift")
    phases, turns = random.random(2), 0.5 + 1.5 * random.random(2)
    place = arrivals / max(1, horizon)
    wander: Floats = sum(
        (np.sin(2 * math.pi * (turn * place + phase)) for turn, phase in zip(turns, phases, strict=True)),
        start=np.zeros(len(arrivals)),
    )
    return wander
