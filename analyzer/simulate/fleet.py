"""A fleet of execution environments and the calls it serves. Times are whole milliseconds since the case began.

Everything random is drawn beforehand, by request and attempt or by environment, so that a case and its twin without the
mechanism meet the same requests, the same waits and the same environments.
"""

from __future__ import annotations

import heapq
import math
from typing import Literal, NamedTuple

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
# The application's part of the memory is never less.
LEAST_APPLICATION_MB = 5.0
# A throttled client tries again, after a tenth of a second and then after twice as long each time; the last refusal is an error.
MOST_TRIES, FIRST_PAUSE_MS = 4, 100.0
# The epoch of environments that no request may use any more.
TAKEN_DOWN = -1
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

    def __init__(self, seed: int, requests: int, attempts: int) -> None:
        shape = (attempts, requests)
        self.work, self.wait, self.memory = (
            generator(seed, name).standard_normal(shape) for name in ("work", "wait", "memory")
        )
        self.failing, self.lost, self.hang, self.throttle, self.large, self.cut, self.version = (
            generator(seed, name).random(shape)
            for name in ("failing", "lost", "hang", "throttle", "large", "cut", "version")
        )
        self.size = generator(seed, "size").standard_normal(requests)
        self.poison = generator(seed, "poison").random(requests)
        most = attempts * requests
        self.init, self.environment = (generator(seed, name).standard_normal(most) for name in ("init", "environment"))
        self.noisy, self.life, self.init_failure = (
            generator(seed, name).random(most) for name in ("noisy", "life", "init failure")
        )


class _Waiting(NamedTuple):
    """An attempt that is tried again `at` a time; `ordinal` keeps the order of those at the same one."""

    at: int
    ordinal: int
    request: int
    attempt: int
    due: int
    refusals: int


def simulate_fleet(parameters: Parameters, seed: int, requests: int) -> Run:
    """Serve `requests` requests; failed ones may be tried again. Raises UserError for a runtime without calibration."""
    startup = calibration().get(parameters.runtime)
    if startup is None:
        raise UserError(f"the calibration has no {parameters.runtime}; it has {', '.join(calibration())}")
    return _Fleet(parameters, seed, requests, startup).run()


class _Fleet:
    """What is known before the first request comes, as lists, because numbers are taken from them one at a time."""

    def __init__(self, parameters: Parameters, seed: int, requests: int, startup: Startup) -> None:
        self.parameters = p = parameters
        self.seed = seed
        self.startup = startup
        self.attempts = ATTEMPTS if p.asynchronous else 1
        self.draws = draws = _Draws(seed, requests, self.attempts)
        # A call in the median at the nominal size, which the twin shares whatever the mechanism is.
        usual_ms = p.work_ms / _share(p, p.memory_mb) + p.wait_ms
        arrivals, self.horizon = _arrivals(p, seed, requests, usual_ms)
        self.onset = round(p.onset * self.horizon)
        self.until = round(min(1.0, p.onset + p.span) * self.horizon)
        self.epochs = self._epochs()
        within = (arrivals >= self.onset) & (arrivals < self.until)
        progress = arrivals / max(1, self.horizon)
        sizes = np.exp(p.size_spread * draws.size + p.growth * progress)
        drift = np.exp(p.drift * _wander(arrivals, self.horizon, seed))
        work = p.work_ms * np.exp(p.work_spread * draws.work) * sizes**p.size_exponent * drift
        wait = p.wait_ms * np.exp(p.wait_spread * draws.wait) * np.where(within, p.wait_factor, 1.0) * drift
        self.timeout_s = self._timeout(work[0] / self.epochs[0].share + wait[0])

        self.arrivals: list[int] = arrivals.tolist()
        self.within: list[bool] = within.tolist()
        self.records: list[int] = np.maximum(1, np.rint(sizes * RECORDS)).astype(int).tolist()
        self.work: list[list[float]] = work.tolist()
        self.wait: list[list[float]] = wait.tolist()
        self.base_mb = startup.memory_mb
        usual_mb = max(LEAST_APPLICATION_MB, p.memory_use * p.memory_mb - self.base_mb)
        self.leak_mb = p.leak_share * max(0.0, p.memory_mb - self.base_mb - usual_mb)
        taken = usual_mb * sizes**p.memory_exponent * (1 + p.memory_spread * draws.memory)
        self.taken_mb: list[list[float]] = taken.tolist()
        self.large: list[list[bool]] = (draws.large < p.oom_share).tolist()
        self.hangs: list[list[bool]] = (draws.hang < p.hang_share).tolist()
        self.poisoned: list[bool] = (within & (draws.poison < p.poison_share)).tolist()
        self.broken: list[list[bool]] = (draws.failing < p.application_error_share).tolist()
        # From the other end of the same numbers, so that no call fails for two reasons.
        self.unlucky: list[list[bool]] = (draws.failing > 1 - p.error_share).tolist()
        self.lost: list[list[bool]] = (draws.lost < p.lost_share).tolist()
        # How often a call is refused by what it calls: from once to the last time it tries, equally often.
        refused = np.where(within, 1 - draws.throttle / max(p.throttle_share, 1e-9), 0.0)
        self.refused: list[list[int]] = np.ceil(np.clip(refused, 0.0, 1.0) * MOST_TRIES).astype(int).tolist()
        self.version: list[list[float]] = draws.version.tolist()
        self.cut: list[list[float]] = draws.cut.tolist()
        self.first_ms = startup.first_ms * p.first_factor * _share(p, CALIBRATED_MB)
        # By Little's law: the mean concurrency, and a limit a little above it.
        mean = requests / max(1, self.horizon) * usual_ms
        self.cap = max(1, math.ceil(p.cap_factor * mean)) if p.cap_factor else None

        self.environments: list[Environment] = []
        self.idle: list[Environment] = []
        self.busy: list[tuple[int, int, Environment]] = []

    def _epochs(self) -> list[Epoch]:
        """The first state of the configuration, the benign deploys, and what happens at the onset of the fault."""
        p = self.parameters
        random = generator(self.seed, "deploys")
        version = 1 + int(random.random() * 60)
        changes = [(round(place * self.horizon), False) for place in random.random(p.benign_deploys)]
        if p.deploys or p.patches or p.memory_before != 1.0:
            changes.append((self.onset, True))
        numbered = p.numbered or p.deploys or p.benign_deploys > 0
        epochs, faulty = list[Epoch](), False
        for begin, fault in [(0, False), *sorted(changes)]:
            faulty = faulty or fault
            if epochs and (p.deploys or not fault):
                version += 1
            size = p.memory_mb * p.oversize * (1.0 if faulty else p.memory_before)
            memory = min(LARGEST_MB, max(SMALLEST_MB, round(size)))
            regressed, patched = faulty and p.deploys, faulty and p.patches
            epochs.append(
                Epoch(
                    begin=begin,
                    version=str(version) if numbered else "$LATEST",
                    patch=int(patched),
                    memory_mb=memory,
                    share=1.0 if p.cpu_full else _share(p, memory),
                    factor=(p.version_factor if regressed else 1.0) * (p.patch_factor if patched else 1.0),
                    error_share=p.version_error_share if regressed else 0.0,
                )
            )
        return epochs

    def _timeout(self, usual_ms: Floats) -> int:
        p = self.parameters
        if not p.timeout_quantile:
            return p.timeout_s
        return max(1, round(float(np.quantile(usual_ms, p.timeout_quantile)) / 1000))

    def run(self) -> Run:
        p = self.parameters
        calls: list[Call] = []
        waiting: list[_Waiting] = []
        ordinal = position = epoch = 0
        while position < len(self.arrivals) or waiting:
            ordinal += 1
            if waiting and (position >= len(self.arrivals) or waiting[0].at <= self.arrivals[position]):
                now, _, request, attempt, due, refusals = heapq.heappop(waiting)
            else:
                now, request, attempt, due, refusals = self.arrivals[position], position, 0, self.arrivals[position], 0
                position += 1
            while self.busy and self.busy[0][0] <= now:
                self.idle.append(heapq.heappop(self.busy)[2])
            cut = self.cut[attempt][request]
            if self.cap is not None and len(self.busy) >= self.cap:
                pause = min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** min(refusals, 9)) * (0.5 + cut)
                heapq.heappush(waiting, _Waiting(now + round(pause), ordinal, request, attempt, due, refusals + 1))
                continue
            while epoch + 1 < len(self.epochs) and self.epochs[epoch + 1].begin <= now:
                epoch += 1
            environment = self._idle(now, epoch) or self._new(now, epoch)
            call = self._serve(environment, now, request, attempt, due)
            calls.append(call)
            environment.calls += 1
            environment.free = call.end
            if call.ended in ("timeout", "out_of_memory", "init_failure"):
                environment.epoch = TAKEN_DOWN
            heapq.heappush(self.busy, (call.end, ordinal, environment))
            if call.ended != "ok" and attempt + 1 < self.attempts:
                again = call.end + RETRIES_MS[attempt] + round(1000 * cut)
                heapq.heappush(waiting, _Waiting(again, ordinal, request, attempt + 1, again, 0))
        calls.sort(key=lambda call: call.begin)
        return Run(
            parameters=p,
            seed=self.seed,
            horizon=self.horizon,
            onset=self.onset,
            until=self.until,
            timeout_s=self.timeout_s,
            epochs=self.epochs,
            environments=self.environments,
            calls=calls,
        )

    def _idle(self, now: int, epoch: int) -> Environment | None:
        """The environment that was used last, unless it has been taken down meanwhile."""
        keep = self.parameters.keep_alive_s * 1000
        while self.idle:
            one = self.idle.pop()
            if one.epoch == epoch and now - one.free <= keep and now - one.born <= one.life:
                return one
        return None

    def _new(self, now: int, epoch: int) -> Environment:
        p, draws, number = self.parameters, self.draws, len(self.environments)
        factor = math.exp(p.environment_spread * draws.environment[number])
        if draws.noisy[number] < p.noisy_share:
            factor *= p.noisy_factor
        life = round(p.life_h * HOUR * (0.7 + 0.6 * draws.life[number]))
        environment = Environment(number, epoch, now, life, factor)
        self.environments.append(environment)
        return environment

    def _serve(self, environment: Environment, now: int, request: int, attempt: int, due: int) -> Call:
        """One call, from the start of its environment where that is new."""
        p, startup, number = self.parameters, self.startup, environment.number
        state, within = self.epochs[environment.epoch], self.within[request]
        cut, hung, refused = self.cut[attempt][request], self.hangs[attempt][request], self.refused[attempt][request]
        init: float | None = None
        suppressed: float | None = None
        ended: Ended = "ok"
        cause: Cause | None = None
        begin = now
        if environment.calls == 0:
            spread = math.exp(startup.init_sdlog * self.draws.init[number])
            init = round(startup.init_ms * p.init_factor * spread, 2)
            begin += round(min(init, INIT_LIMIT_MS))
            if within and self.draws.init_failure[number] < p.init_failure_share:
                ended, suppressed, init = "init_failure", min(init, INIT_LIMIT_MS), None
            elif init >= INIT_LIMIT_MS:
                suppressed, init = init, None

        need = self.base_mb + self.taken_mb[attempt][request] + self.leak_mb * environment.calls
        if self.large[attempt][request]:
            need = state.memory_mb * (1.02 + 0.5 * cut)
        if ended == "init_failure":
            need = self.base_mb
        environment.need = max(environment.need, need)

        full = max(0.0, min(1.0, need / state.memory_mb) - FULL_FROM) / (1 - FULL_FROM)
        duration = self.work[attempt][request] / state.share * (1 + p.gc * full**2) + self.wait[attempt][request]
        duration *= environment.factor * state.factor
        duration *= 1 + p.contention * len(self.busy)
        if environment.calls == 0:
            duration += self.first_ms / state.share
        if hung:
            duration += p.hang_s * 1000 * (1 + 0.002 * cut)
        duration += FIRST_PAUSE_MS * (2**refused - 1)

        if ended == "init_failure":
            # The initialisation is repeated inside the call, and fails again.
            duration = (suppressed or 0.0) * 0.9
        else:
            duration += suppressed or 0.0
            if need >= state.memory_mb:
                ended, duration = "out_of_memory", duration * (0.3 + 0.7 * cut)
            elif cause := self._cause(state, request, attempt):
                ended = "error"
                if cause not in ("hang", "throttled"):
                    duration *= 0.2 + 0.8 * cut
        if duration >= self.timeout_s * 1000:
            ended, cause, duration = "timeout", None, self.timeout_s * 1000.0
        lived = ended in ("ok", "error")
        return Call(
            environment=number,
            request=request,
            attempt=attempt + 1,
            due=due,
            begin=begin,
            duration_ms=max(0.5, round(duration, 2)),
            init_ms=init,
            suppressed_ms=suppressed,
            memory_mb=state.memory_mb,
            used_mb=min(state.memory_mb, int(environment.need)),
            ended=ended,
            cause=cause,
            hung=hung,
            throttled=refused if lived else 0,
            lost=ended == "ok" and environment.calls > 0 and self.lost[attempt][request],
            records=self.records[request],
        )

    def _cause(self, state: Epoch, request: int, attempt: int) -> Cause | None:
        """Why the handler of this call throws, if it does."""
        if self.hangs[attempt][request] and self.parameters.hang_raises:
            return "hang"
        if self.refused[attempt][request] >= MOST_TRIES:
            return "throttled"
        if self.poisoned[request]:
            return "poison"
        if self.version[attempt][request] < state.error_share:
            return "version"
        if self.broken[attempt][request]:
            return "application"
        return "background" if self.unlucky[attempt][request] else None


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


def _wander(arrivals: npt.NDArray[np.int64], horizon: int, seed: int) -> Floats:
    """A slow wander of standard deviation one, as a sum of two slow waves."""
    random = generator(seed, "drift")
    phases, turns = random.random(2), 0.5 + 1.5 * random.random(2)
    place = arrivals / max(1, horizon)
    waves = np.sin(2 * math.pi * (np.outer(turns, place) + phases[:, np.newaxis]))
    return np.asarray(waves.sum(axis=0))
