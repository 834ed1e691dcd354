"""
Percentiles between virtual people, chunk by chunk of time: sort each row, read off, let go.

Three bands are kept apart: between people (within one set), with residual error (what a blood sample would show), and
the ensemble (several sets together, which disagree).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from openkap.pkpd.draw import normal
from openkap.pkpd.solve import Block, chunk_length, courses
from openkap.pkpd.structure import KETAMINE_G_PER_MOL, NORKETAMINE_G_PER_MOL
from openkap.pkpd.types import Residual

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

PERCENTILES = (0.05, 0.50, 0.95)


def single(blocks: Sequence[Block], times: NDArray) -> NDArray:
    """
    Courses of few people, all times at once.

    Returns:
        shape (q, T, n), ng/mL.
    """
    import numpy as np

    n, q = blocks[0].c.shape[:2]
    found = np.empty((q, len(times), n))
    for where, out in courses(blocks, times):
        found[:, where] = out
    return found


def between_people(
    blocks: Sequence[Block],
    times: NDArray,
    percentiles: Sequence[float] = PERCENTILES,
    residual: Sequence[Residual] = (),
    rng: Generator | None = None,
) -> tuple[NDArray, NDArray | None]:
    """
    Percentiles of each output at each time.

    Args:
        blocks: of n people. times: shape (T,). percentiles: between 0 and 1, P of them.
        residual, rng: with both, also the percentiles of what samples would show.

    Returns:
        shape (q, P, T), ng/mL, and the same with residual error or None.
    """
    import numpy as np

    q = blocks[0].c.shape[1]
    found = np.empty((q, len(percentiles), len(times)))
    sampled = np.empty_like(found) if residual and rng is not None else None
    n = blocks[0].c.shape[0]
    noise = [(normal(n, rng), normal(n, rng)) for _ in range(q)] if sampled is not None and rng is not None else []
    for where, out in courses(blocks, times):
        if sampled is not None:
            for output in range(q):
                sampled[output, :, where] = read_off(_sample(out[output], output, residual, noise[output]), percentiles)
        for output in range(q):
            found[output, :, where] = read_off(out[output], percentiles)
    return found, sampled


def pooled(members: Sequence[Sequence[Block]], times: NDArray, percentiles: Sequence[float] = PERCENTILES) -> NDArray:
    """
    Percentiles of ketamine over several sets together; each weighs as many people as it brings.

    Returns:
        shape (P, T), ng/mL.
    """
    import numpy as np

    n = sum(blocks[0].c.shape[0] for blocks in members)
    length = chunk_length(n, 3, len(times))
    found = np.empty((len(percentiles), len(times)))
    for chunks in zip(*(courses(blocks, times, length) for blocks in members), strict=True):
        together = np.concatenate([out[0] for _, out in chunks], axis=-1)
        found[:, chunks[0][0]] = read_off(together, percentiles)
    return found


def read_off(values: NDArray, percentiles: Sequence[float]) -> NDArray:
    """
    Percentiles of each row by linear interpolation.

    Sorted in single precision, which is twice as fast and off by less than 1e-7, where the draw itself is off by
    percents.

    Args:
        values: shape (B, n).

    Returns:
        shape (P, B).
    """
    import numpy as np

    ordered = values.astype(np.float32)
    ordered.sort(axis=-1)
    n = values.shape[-1]
    found = np.empty((len(percentiles), len(values)))
    for row, share in enumerate(percentiles):
        place = share * (n - 1)
        low = int(place)
        high = min(low + 1, n - 1)
        above = place - low
        found[row] = ordered[:, low] * (1.0 - above) + ordered[:, high] * above
    return found


def _sample(values: NDArray, output: int, residual: Sequence[Residual], noise: tuple[NDArray, NDArray]) -> NDArray:
    """
    What blood samples of these people would show.

    Each person keeps one deviate for all times: at each time the percentiles are those of independent samples, and
    from time to time they do not jitter.
    """
    import numpy as np

    analyte = ("ketamine", "norketamine")[output] if output < 2 else ""
    shown = values.copy()
    for error in residual:
        if error.analyte != analyte:
            continue
        if error.log_sd:
            shown *= np.exp(float(error.log_sd) * noise[0])
        elif error.proportional:
            shown *= 1 + float(error.proportional) * noise[0]
        if error.additive_nmol_ml:
            weight = NORKETAMINE_G_PER_MOL if analyte == "norketamine" else KETAMINE_G_PER_MOL
            shown += float(error.additive_nmol_ml) * weight * noise[1]
    return np.asarray(np.maximum(shown, 0.0))
