"""The plan as one self-contained page: no script, no outside request, one style element, fit for print on A4."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from openkap.plan.sheet import plan_sheet


def plan_html(document: Mapping[str, Any]) -> str:
    """
    The page of a plan document.

    Args:
        document: as `openkap.plan.propose.propose` gives it, or the same read back from JSON.

    Returns:
        A whole HTML document. Its own policy allows its one style element and nothing else, so it can be
        kept, mailed and opened anywhere.
    """
    sheet = plan_sheet(document)
    return render(environment("openkap.plan"), "plan.html.j2", page_style(sheet["running"], "plan.css"), sheet=sheet)


def render(templates: jinja2.Environment, name: str, style: str, **values: Any) -> str:
    """A template with its style and the hash that the page's policy names."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The style holds shipped files and one string escaped by css_string: it is markup of ours.
    return templates.get_template(name).render(style=Markup(style), style_hash=digest, **values)


def style_source(page: str) -> str:
    """
    The source that the policy of such a page allows for its style, to be repeated by whoever serves it.

    >>> style_source("<meta content=\"default-src 'none'; style-src 'sha256-Zm9v'; base-uri 'none'\">")
    "'sha256-Zm9v'"
    """
    return re.search(r"style-src ('sha256-[^']+')", page)[1]  # type: ignore[index]


@cache
def environment(package: str) -> jinja2.Environment:
    """
    Templates of a package, with those of the plan room behind them.

    Everything is escaped; a missing value is an error and never an empty place.
    """
    loaders = [jinja2.PackageLoader(name) for name in dict.fromkeys((package, "openkap.plan"))]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )


def page_style(running: str, *names: str, package: str = "openkap.plan") -> str:
    """
    The shared style, the named files, and the margins of the printed page.

    Args:
        running: what stands at the foot of every printed page, beside the page number.
        names: style files of the package's `templates/`.
        package: whose files.
    """
    folder = files(package).joinpath("templates")
    shared = files("openkap.plan").joinpath("templates", "base.css").read_text(encoding="utf-8")
    own = [folder.joinpath(name).read_text(encoding="utf-8") for name in names]
    return "\n".join([shared, *own, _margins(running)])


def _margins(running: str) -> str:
    font = "font: 8pt sans-serif; vertical-align: top; padding-block-start: 2mm"
    return (
        "@page { size: A4; margin: 10mm 12mm 14mm; "
        f"@bottom-left {{ content: {css_string(running)}; {font}; inline-size: 80%; text-align: left }} "
        f'@bottom-right {{ content: "Page " counter(page) " of " counter(pages); {font}; text-align: right }} }}\n'
    )


def css_string(text: str) -> str:
    """
    A CSS string: everything but letters, digits and spaces is escaped, so that no text can end it.

    >>> css_string('a"b')
    '"a\\\\22 b"'
    """
    safe = "".join(c if c.isascii() and (c.isalnum() or c == " ") else f"\\{ord(c):x} " for c in text)
    return f'"{safe}"'


def blocks_html(blocks: Sequence[Mapping[str, Any]]) -> Markup:
    """
    The blocks of one section of the sheet, for a page of the clinic app.

    The page needs `sprite_html` once, and the styles of plan.css.
    """
    module = environment("openkap.plan").get_template("blocks.html.j2").module
    return Markup("").join(module.block(block) for block in blocks)  # type: ignore[attr-defined]


def sprite_html() -> Markup:
    """The symbols that blocks refer to."""
    return Markup(environment("openkap.plan").get_template("sprite.html.j2").render())
