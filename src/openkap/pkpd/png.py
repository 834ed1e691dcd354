"""A picture as PNG: the SVG of `picture.py`, drawn by Typst with the fonts that come with it, the same everywhere."""

from __future__ import annotations

from openkap.kernel.errors import UserError
from openkap.pkpd.picture import WHOLE

_PAGE = """\
#set page(width: {width}pt, height: {height}pt, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg", width: {width}pt)
"""
POINTS_PER_INCH = 72


def png(svg: str, *, scale: float = 2.0) -> bytes:
    """
    A picture as PNG.

    Args:
        svg: as `picture.picture` gives it. scale: pixels for each of its user units.

    Returns:
        A PNG of WHOLE times the scale; the same picture gives the same bytes on every machine.

    Raises:
        UserError: Typst is not installed.
    """
    try:
        import typst
    except ImportError:
        raise UserError("A PNG needs Typst: install it with pip install openkap[pdf], or use --as svg.") from None
    made: bytes = typst.compile(
        _PAGE.format(width=WHOLE.width, height=WHOLE.height).encode(),
        format="png",
        ppi=scale * POINTS_PER_INCH,
        sys_inputs={"svg": svg},
        ignore_system_fonts=True,
    )
    return made
