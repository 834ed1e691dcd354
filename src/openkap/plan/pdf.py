"""The plan on paper: A4, tagged for accessibility (PDF/UA-1), the identity and the page number on every page."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import msgspec

from openkap.kernel.errors import UserError
from openkap.plan.sheet import plan_sheet


def plan_pdf(document: Mapping[str, Any]) -> bytes:
    """
    The printed plan of a plan document.

    Args:
        document: as `openkap.plan.propose.propose` gives it, or the same read back from JSON.

    Returns:
        A PDF; the same document gives the same bytes, on every machine, because only the fonts that come
        with Typst are used and no clock is read.

    Raises:
        UserError: Typst is not installed.
    """
    try:
        import typst
    except ImportError:
        raise UserError("A PDF needs Typst: install it with pip install openkap[pdf], or use --as html.") from None
    sheet = msgspec.json.encode(plan_sheet(document)).decode()
    with as_file(files("openkap.plan").joinpath("templates", "plan.typ")) as template:
        made: bytes = typst.compile(
            str(template),
            format="pdf",
            sys_inputs={"sheet": sheet},
            pdf_standards=["ua-1"],
            ignore_system_fonts=True,
            timestamp=0,
        )
    return made
