"""
The exact solver of linear compartment models, for many virtual people at once.

dx/dt = K x + u(t), y = C x, with u constant between events and doses that add to x at once. K is diagonalised once
per person; the modes are carried from one output time to the next by multiplication with exp(lambda dt) and summed.
Where K has no good basis of eigenvectors (equal or nearly equal rates), that person is carried by the matrix
exponential instead. Nothing is approximated: no step size, no interpolation. docs/algorithms/pkpd.md explains it.

Shapes: n people, m states, q outputs, T times. Minutes, mg, ng/mL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openkap.pkpd.expm import expm, integral

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORST_CONDITION = 1e7  # of the matrix of eigenvectors
CLOSEST = 1e-6  # relative gap between two eigenvalues
CHUNK_BYTES = 24_000_000  # of output held at once
_AT_ONCE = 1024  # people whose modes are carried together
_FEW = 8  # so few people are computed for all times at once
_NOTHING = 1e-200  # ng/mL: below it a mode is set to nought, so that no subnormal number slows the loop
_NEGLIGIBLE = 1e-15  # share of an output below which a mode is left out


@dataclass(frozen=True, slots=True)
class Input:
    """
    One dose on its way into one state.

    Args:
        port: index of the state.
        amount: mg, shape (n,).
        start: minutes, shape (n,).
        duration: minutes, shape (n,); all nought: instantaneous.
    """

    port: int
    amount: NDArray
    start: NDArray
    duration: NDArray

    @property
    def instantaneous(self) -> bool:
        return not self.duration.any()


@dataclass(frozen=True, slots=True)
class Block:
    """
    One linear system; the outputs of several blocks add up.

    Args:
        k: shape (n, m, m), per minute.
        c: shape (n, q, m), ng/mL per mg.
        inputs: what goes in.
    """

    k: NDArray
    c: NDArray
    inputs: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class Modes:
    """
    Modes of one or more blocks, laid out in rows.

    Args:
        rate: shape (R, n), negative, per minute.
        output: shape (R,), which output a row belongs to, ascending.
        gains: one per input, shape (R, n): what its whole amount adds to each row at once, ng/mL.
        inputs: in the same order.
    """

    rate: NDArray
    output: NDArray
    gains: tuple[NDArray, ...]
    inputs: tuple[Input, ...]


def poorly_diagonal(rates: NDArray, vectors: NDArray, inverse: NDArray) -> NDArray:
    """
    For whom diagonalisation would lose digits.

    Args:
        rates: eigenvalues, shape (n, m), complex ones included. vectors, inverse: shape (n, m, m).

    Returns:
        shape (n,), True where eigenvalues are complex, not negative or closer than CLOSEST, or the condition is above
        WORST_CONDITION.
    """
    import numpy as np

    ordered = np.sort(rates.real, axis=-1)
    gap = np.diff(ordered, axis=-1) / np.maximum(np.abs(ordered[:, :-1]), 1e-300)
    closest = gap.min(axis=-1, initial=np.inf)
    condition = np.linalg.norm(vectors, axis=(1, 2)) * np.linalg.norm(inverse, axis=(1, 2))
    bad: NDArray = (closest < CLOSEST) | ~(condition < WORST_CONDITION) | (rates.real >= 0).any(axis=-1)
    if np.iscomplexobj(rates):
        bad |= (rates.imag != 0).any(axis=-1)
    return bad


def split(blocks: Sequence[Block]) -> tuple[Modes | None, list[tuple[NDArray, Block]]]:
    """
    Diagonalise what can be, and keep the rest apart.

    Returns:
        The modes of all blocks together (None where there are none), with nought for people who are kept apart, and
        for each block that has such people their indices and their block.
    """
    import numpy as np

    rates, outputs, gains, inputs, apart = [], [], [], [], []
    for block in blocks:
        found, vectors = np.linalg.eig(block.k)
        singular = np.abs(np.linalg.det(vectors)) == 0
        vectors[singular] = np.eye(block.k.shape[-1])
        inverse = np.linalg.inv(vectors)
        bad = poorly_diagonal(found, vectors, inverse) | singular
        if bad.any():
            apart.append((np.flatnonzero(bad), _of(block, bad)))
        if bad.all():
            continue
        found = found.real.copy()
        found[bad] = -1.0
        weight = block.c @ vectors.real  # (n, q, m): what one unit of a mode shows
        weight[bad] = 0.0
        order = np.argsort(-np.abs(weight[:, 0]), axis=-1, kind="stable")  # modes that the parent lacks come last
        weight = np.take_along_axis(weight, order[:, None, :], axis=2)
        weight[:, 0, _leading_to(block, 0) :] = 0.0  # what rounding has left where there is nothing
        rate = np.take_along_axis(found, order, axis=1)
        q = weight.shape[1]
        rates.append(np.tile(rate.T, (q, 1)))
        outputs.append(np.repeat(np.arange(q), rate.shape[1]))
        added = []
        for one in block.inputs:
            part = np.take_along_axis(inverse[:, :, one.port].real, order, axis=1)  # (n, m)
            added.append(
                (weight * part[:, None, :] * one.amount[:, None, None]).transpose(1, 2, 0).reshape(-1, len(part))
            )
        gains.append(added)
        inputs.append(block.inputs)
    if not rates:
        return None, apart
    return _joined(rates, outputs, gains, inputs), apart


def _leading_to(block: Block, output: int) -> int:
    """From how many states something can flow to an output: so many modes show in it, and no other."""
    import numpy as np

    flows = (block.k != 0).any(axis=0)
    seen = (block.c[:, output] != 0).any(axis=0)
    for _ in range(len(flows)):
        seen = seen | (flows & seen[:, None]).any(axis=0)
    return int(np.count_nonzero(seen))


def _joined(
    rates: list[NDArray], outputs: list[NDArray], gains: list[list[NDArray]], inputs: list[tuple[Input, ...]]
) -> Modes:
    """Rows of all blocks under each other, those of one output together, those that show nothing left out."""
    import numpy as np

    rate, output = np.concatenate(rates), np.concatenate(outputs)
    rows = [len(one) for one in rates]
    starts = np.cumsum([0, *rows])
    whole = []
    for place, added in enumerate(gains):
        for gain in added:
            wide = np.zeros_like(rate)
            wide[starts[place] : starts[place + 1]] = gain
            whole.append(wide)
    size = np.max([np.abs(gain).max(axis=1) for gain in whole], axis=0) if whole else np.zeros(len(rate))
    largest = np.array([size[output == o].max(initial=0.0) for o in output])
    keep = size > largest * _NEGLIGIBLE
    order = np.flatnonzero(keep)[np.argsort(output[keep], kind="stable")]
    return Modes(
        rate[order], output[order], tuple(g[order] for g in whole), tuple(i for every in inputs for i in every)
    )


def _of(block: Block, who: NDArray) -> Block:
    inputs = tuple(Input(i.port, i.amount[who], i.start[who], i.duration[who]) for i in block.inputs)
    return Block(block.k[who], block.c[who], inputs)


# -- courses in time -----------------------------------------------------------------------------------


def courses(blocks: Sequence[Block], times: NDArray, length: int | None = None) -> Iterator[tuple[slice, NDArray]]:
    """
    Concentrations chunk by chunk of time, so that people x times are never held whole.

    Args:
        blocks: at least one, all of the same n and q.
        times: shape (T,), never descending, minutes. A dose at a time counts at that time.
        length: times of a chunk; None: as many as CHUNK_BYTES hold.

    Yields:
        Which times, and the outputs, shape (q, times of the chunk, n), ng/mL; the array is used again.
    """
    import numpy as np

    n, q = blocks[0].c.shape[:2]
    modes, apart = split(blocks)
    length = length or chunk_length(n, q, len(times))
    out = np.empty((q, length, n))
    grid = _Grid.of(times)
    direct = modes if n <= _FEW else None
    stepped: list[tuple[_ModeStepper | _MatrixStepper, slice]] = []
    if modes is not None and direct is None:
        stepped += [(_ModeStepper(_part(modes, who), q), who) for who in _shares(n)]
    stepped += [(_MatrixStepper(block, who), slice(None)) for who, block in apart]
    for low in range(0, len(times), length):
        high = min(low + length, len(times))
        view = out[:, : high - low]
        if direct is not None or apart:
            view[...] = 0.0
        if direct is not None:
            _add_direct(direct, times[low:high], view)
        for stepper, who in stepped:
            theirs = view[:, :, who]
            for place in range(low, high):
                stepper.step(grid, place)
                stepper.show(theirs, place - low)
        np.maximum(view, 0.0, out=view)  # the last digit of a sum of modes may fall below nought
        yield slice(low, high), view


def _shares(n: int) -> list[slice]:
    """People in shares whose modes stay in the processor's own memory from one time to the next."""
    return [slice(low, min(low + _AT_ONCE, n)) for low in range(0, n, _AT_ONCE)]


def _part(modes: Modes, who: slice) -> Modes:
    """The modes of some people."""
    import numpy as np

    inputs = tuple(Input(i.port, i.amount[who], i.start[who], i.duration[who]) for i in modes.inputs)
    gains = tuple(np.ascontiguousarray(gain[:, who]) for gain in modes.gains)
    return Modes(np.ascontiguousarray(modes.rate[:, who]), modes.output, gains, inputs)


def chunk_length(n: int, q: int, times: int) -> int:
    """How many times of q outputs of n people are held at once."""
    return max(1, min(CHUNK_BYTES // (8 * q * n), times, 2048 if n <= _FEW else 512))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Times, and the one step that they all share where they are evenly spaced."""

    times: NDArray
    step: float | None

    @classmethod
    def of(cls, times: NDArray) -> _Grid:
        import numpy as np

        if len(times) < 3 or times[-1] == times[0]:
            return cls(times, None)
        step = float(times[-1] - times[0]) / (len(times) - 1)
        even = np.abs(times - (times[0] + step * np.arange(len(times)))).max() <= 4 * np.spacing(abs(times[-1]))
        return cls(times, step if even else None)

    def interval(self, place: int) -> tuple[float, float, float]:
        """The time before, the time itself, and the step between them; minus infinity before the first."""
        if place == 0:
            return -float("inf"), float(self.times[0]), float("inf")
        low, high = float(self.times[place - 1]), float(self.times[place])
        return low, high, self.step if self.step is not None else high - low


class _Timetable:
    """Which inputs act between two times."""

    def __init__(self, inputs: Sequence[Input]):
        import numpy as np

        self.first = np.array([i.start.min() for i in inputs])
        self.last = np.array([(i.start + i.duration).max() for i in inputs])
        self.level_from = np.array([i.start.max() for i in inputs])  # between the two it flows in everybody
        self.level_until = np.array([(i.start + i.duration).min() for i in inputs])
        self.until = -float("inf")  # nothing acts in (.., until]
        self.from_ = -float("inf")

    def level(self, at: int, low: float, high: float) -> bool:
        """True if the input flows in everybody during all of (low, high]."""
        return bool(self.level_from[at] <= low and high <= self.level_until[at])

    def acting(self, low: float, high: float) -> list[int]:
        """Places of the inputs that act in (low, high]."""
        import numpy as np

        if self.from_ <= low and high < self.until:
            return []
        at = np.flatnonzero((self.first <= high) & (self.last > low))
        if len(at):
            return [int(a) for a in at]
        later = self.first[self.first > high]
        self.from_, self.until = low, float(later.min(initial=np.inf))
        return []


class _ModeStepper:
    """Carries modes from one output time to the next."""

    def __init__(self, modes: Modes, q: int):
        import numpy as np

        self.modes = modes
        self.now = np.zeros_like(modes.rate)
        self.table = _Timetable(modes.inputs)
        self.decays: dict[float, tuple[NDArray, bool]] = {}
        self.filled: dict[int, tuple[float, NDArray]] = {}  # what an input adds in a step while it flows
        ends = np.searchsorted(modes.output, np.arange(q + 1))
        self.rows = [(o, int(ends[o]), int(ends[o + 1])) for o in range(q) if ends[o + 1] > ends[o]]
        self.since = 0
        self.silent = [o for o in range(q) if ends[o + 1] == ends[o]]

    def _decay(self, step: float) -> tuple[NDArray, bool]:
        import numpy as np

        if step not in self.decays:
            if len(self.decays) > 4:
                self.decays.clear()
            with np.errstate(under="ignore"):
                decay = np.exp(self.modes.rate * step)
            decay[decay < _NOTHING] = 0.0
            self.decays[step] = decay, bool(decay.min() < 1e-5)
        return self.decays[step]

    def step(self, grid: _Grid, place: int) -> None:
        import numpy as np

        low, high, step = grid.interval(place)
        if place:
            decay, steep = self._decay(step)
            self.now *= decay
            self.since += 1
            if steep or self.since >= 16:
                self.now[np.abs(self.now) < _NOTHING] = 0.0
                self.since = 0
        acting = self.table.acting(low, high)
        if not acting:
            self.filled.clear()
        for at in acting:
            self.now += self._added(at, low, high, step)

    def _added(self, at: int, low: float, high: float, step: float) -> NDArray:
        one, gain = self.modes.inputs[at], self.modes.gains[at]
        if not self.table.level(at, low, high):
            return _added(one, gain, self.modes.rate, low, high)
        if at not in self.filled or self.filled[at][0] != step:
            self.filled[at] = step, _added(one, gain, self.modes.rate, low, low + step)
        return self.filled[at][1]

    def show(self, out: NDArray, place: int) -> None:
        """Write the outputs; this stepper comes first."""
        import numpy as np

        for output, first, last in self.rows:
            np.add.reduce(self.now[first:last], axis=0, out=out[output, place])
        for output in self.silent:
            out[output, place] = 0.0


def _added(one: Input, gain: NDArray, rate: NDArray, low: float, high: float) -> NDArray:
    """What one input of the interval (low, high] has added to each mode at its end; shape (R, n)."""
    import numpy as np

    with np.errstate(under="ignore"):
        if one.instantaneous:
            inside = (one.start > low) & (one.start <= high)
            return np.where(inside, gain * np.exp(rate * np.maximum(high - one.start, 0.0)), 0.0)
        begin = np.clip(one.start, low, high)
        end = np.clip(one.start + one.duration, begin, high)
        grown = np.expm1(rate * (end - begin)) / (rate * one.duration)
        return np.asarray(gain * grown * np.exp(rate * (high - end)))


def _add_direct(modes: Modes, times: NDArray, out: NDArray) -> None:
    """The closed form for every time at once: few people, any times."""
    import numpy as np

    for person in range(out.shape[-1]):
        rate = modes.rate[:, person, None]  # (R, 1)
        total = np.zeros((len(rate), len(times)))
        for one, gain in zip(modes.inputs, modes.gains, strict=True):
            begin, lasting = one.start[person], one.duration[person]
            first, last = np.searchsorted(times, begin), np.searchsorted(times, begin + lasting)
            own = gain[:, person, None]
            with np.errstate(under="ignore"):
                if lasting:  # while it flows, and after it has ended
                    own = own / (rate * lasting)
                    total[:, first:last] += own * np.expm1(rate * (times[first:last] - begin))
                    own = own * np.expm1(rate * lasting)
                total[:, last:] += own * np.exp(rate * (times[last:] - begin - lasting))
        total[np.abs(total) < _NOTHING] = 0.0
        for output in range(out.shape[0]):
            rows = np.flatnonzero(modes.output == output)
            if len(rows):
                out[output, :, person] += total[rows[0] : rows[-1] + 1].sum(axis=0)


class _MatrixStepper:
    """Carries the states of people without a good basis of eigenvectors by the matrix exponential."""

    def __init__(self, block: Block, who: NDArray):
        import numpy as np

        self.block, self.who = block, who
        self.now = np.zeros(block.k.shape[:2])
        self.table = _Timetable(block.inputs)
        self.carried: dict[float, NDArray] = {}
        self.filled: dict[tuple[int, float], NDArray] = {}

    def _carry(self, step: float) -> NDArray:
        if step not in self.carried:
            if len(self.carried) > 4:
                self.carried.clear()
            self.carried[step] = expm(self.block.k * step)
        return self.carried[step]

    def step(self, grid: _Grid, place: int) -> None:
        import numpy as np

        low, high, step = grid.interval(place)
        if place:
            self.now = (self._carry(step) @ self.now[:, :, None])[:, :, 0]
            self.now[np.abs(self.now) < _NOTHING] = 0.0
        for at in self.table.acting(low, high):
            self.now += self._added(self.block.inputs[at], low, high, step)

    def _added(self, one: Input, low: float, high: float, step: float) -> NDArray:
        import numpy as np

        n, m, _ = self.block.k.shape
        found = np.zeros((n, m))
        if one.instantaneous:
            who = (one.start > low) & (one.start <= high)
            placed = np.zeros((int(who.sum()), m, 1))
            placed[:, one.port, 0] = one.amount[who]
            found[who] = (expm(self.block.k[who] * (high - one.start[who])[:, None, None]) @ placed)[:, :, 0]
            return found
        begin = np.clip(one.start, low, high)
        end = np.clip(one.start + one.duration, begin, high)
        flow = one.amount / one.duration
        whole = (begin == low) & (end == high)
        if whole.any():
            if (one.port, step) not in self.filled:
                self.filled[one.port, step] = integral(self.block.k, one.port, np.full(n, step))
            found[whole] = self.filled[one.port, step][whole] * flow[whole, None]
        part = (end > begin) & ~whole
        if part.any():
            k = self.block.k[part]
            grown = integral(k, one.port, (end - begin)[part]) * flow[part, None]
            found[part] = (expm(k * (high - end)[part, None, None]) @ grown[:, :, None])[:, :, 0]
        return found

    def show(self, out: NDArray, place: int) -> None:
        """Add to the outputs of these people."""
        import numpy as np

        out[:, place, self.who] += np.einsum("nqm,nm->qn", self.block.c, self.now)
