"""The matrix exponential by scaling, squaring and a Padé approximant of order 13, for many matrices at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Coefficients of the diagonal Padé approximant of order 13 (Higham 2005), and the norm up to which it is exact enough.
_PADE = (
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
)
_THETA = 5.371920351148152


def expm(a: NDArray) -> NDArray:
    """
    The exponential of each matrix.

    Args:
        a: shape (n, m, m).

    Returns:
        shape (n, m, m).
    """
    import numpy as np

    norm = float(np.abs(a).sum(axis=-2).max(initial=0.0))
    squarings = max(0, math.ceil(math.log2(norm / _THETA))) if norm > 0 else 0
    a = a / 2.0**squarings
    one = np.eye(a.shape[-1])
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    b = _PADE
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * one
    result: NDArray = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        result = result @ result
    return result


def integral(k: NDArray, port: int, span: NDArray) -> NDArray:
    """
    What a constant input of 1 into one state has become after a while: the integral of exp(K s) over 0..span.

    Args:
        k: shape (n, m, m). port: the state. span: shape (n,), minutes.

    Returns:
        shape (n, m): the states, from the augmented matrix [[K, e], [0, 0]], so that no inverse of K is needed.
    """
    import numpy as np

    n, m, _ = k.shape
    whole = np.zeros((n, m + 1, m + 1))
    whole[:, :m, :m] = k
    whole[:, port, m] = 1.0
    return expm(whole * span[:, None, None])[:, :m, m]
