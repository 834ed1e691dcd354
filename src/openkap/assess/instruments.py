"""
The instruments, one content file each, loaded when first asked for.

Looking an instrument up reads that one file only, so that a command starts fast. Every file is checked
as it loads: bands must be contiguous, ascending and cover the range of the total.
"""

from __future__ import annotations

import difflib
from functools import cache
from itertools import pairwise
from pathlib import Path

import msgspec

from openkap.assess.definition import Band, Instrument, InstrumentFile, ItemText, TotalOnly, TotalsFile
from openkap.assess.types import Form, FormItem, Option
from openkap.kernel.content import content_folder, convert, load, parse_toml
from openkap.kernel.errors import ContentFault, UnknownName

SHIPPED = ("full", "headings_only")


@cache
def instrument_ids() -> tuple[str, ...]:
    """Ids of the instruments that can be scored, in alphabetical order."""
    return tuple(sorted(path.stem for path in (content_folder("assess") / "instruments").glob("*.toml")))


@cache
def instrument(name: str) -> Instrument:
    """
    One instrument.

    Raises:
        UnknownName: no such id; the sentence names the nearest ones.
        ContentFault: its file breaks a rule.
    """
    if name not in instrument_ids():
        raise UnknownName(_unknown(name))
    where = f"instruments/{name}.toml"
    file = load("assess", where, InstrumentFile)
    found = msgspec.structs.replace(file.instrument, version=file.content.version)
    if found.id != name:
        raise ContentFault(f"assess/content/{where}: holds id {found.id!r}; the file is named after its id.")
    check(found, f"assess/content/{where}")
    return found


def instruments() -> dict[str, Instrument]:
    """All instruments by id."""
    return {name: instrument(name) for name in instrument_ids()}


@cache
def totals_only() -> dict[str, TotalOnly]:
    """Instruments known by their total only, by id."""
    return {row.id: row for row in load("assess", "total-only.toml", TotalsFile).instrument}


@cache
def by_panel(code: str) -> str:
    """Id of the instrument with this LOINC panel code; UnknownName if none has it."""
    for name, found in instruments().items():
        if found.loinc.panel == code:
            return name
    raise UnknownName(f"questionnaire: no instrument has the LOINC panel {code!r}; name it by its own id instead.")


def item_text(name: str, site: Path | None = None) -> ItemText | None:
    """
    The wording of an instrument.

    Args:
        name: instrument id.
        site: the site's folder; `SITE/instruments/ID.text.toml` goes before shipped text.

    Returns:
        The site's text, else the shipped text, else None: scoring works without.

    Raises:
        ContentFault: the site's file has the wrong number of items, or is malformed.
    """
    found = instrument(name)
    if site is not None:
        path = site / "instruments" / f"{name}.text.toml"
        if path.is_file():
            return _read_text(path.read_text(encoding="utf-8"), path.name, found)
    if found.licence.ship in SHIPPED:
        return _shipped_text(name)
    return None


@cache
def _shipped_text(name: str) -> ItemText:
    path = content_folder("assess") / "instruments" / "text" / f"{name}.toml"
    return _read_text(path.read_text(encoding="utf-8"), f"text/{name}.toml", instrument(name))


def _read_text(toml: str, name: str, found: Instrument) -> ItemText:
    text = convert(parse_toml(toml, name), ItemText, name)
    wanted = [str(k) for k in range(1, found.items + 1)]
    if sorted(text.items) != sorted(wanted):
        raise ContentFault(
            f"{name}: has {len(text.items)} items, {found.title} has {found.items}; give items 1 to {found.items}."
        )
    values = {str(value) for value in allowed_values(found)}
    for options in (text.options, *text.item_options.values()):
        if set(options) - values:
            raise ContentFault(f"{name}: options {sorted(set(options) - values)} are no answers of {found.title}.")
    return text


def allowed_values(found: Instrument) -> range:
    """The numbers an item may be answered with."""
    return range(found.lowest, found.highest + 1, found.step)


def form(name: str, site: Path | None = None) -> Form:
    """
    The form to fill in, with the wording where it ships or the site installed it.

    Items without wording carry a neutral label ("Item 4").
    """
    found, text = instrument(name), item_text(name, site)
    scored = tuple(_item(found, text, k) for k in range(1, found.items + 1))
    extra = tuple(_unscored_item(found, text, k) for k in range(1, found.unscored + 1) if text and text.unscored)
    return Form(
        instrument=name,
        version=found.version,
        title=found.title,
        language=text.language if text else "en",
        stem=text.stem if text else "",
        copyright=found.licence.status,
        items=scored + extra,
        panel=found.loinc.panel,
    )


def _item(found: Instrument, text: ItemText | None, number: int) -> FormItem:
    key = str(number)
    words = (text.item_options.get(key) or text.options) if text else {}
    return FormItem(
        number=number,
        text=text.items[key] if text else f"Item {number}",
        worded=text is not None,
        scored=True,
        options=()
        if found.booleans
        else tuple(
            Option(value=value, text=words.get(str(value), str(value)), loinc=answer_code(found, number, value))
            for value in allowed_values(found)
        ),
        yes_no=found.booleans,
        loinc=found.loinc.items[number - 1] if found.loinc.items else "",
        may_be_na=bool(found.not_applicable and found.not_applicable.item == number),
    )


def _unscored_item(found: Instrument, text: ItemText, place: int) -> FormItem:
    number = found.items + place
    codes = found.loinc.unscored
    return FormItem(
        number=number,
        text=text.unscored[str(number)],
        worded=True,
        scored=False,
        options=tuple(Option(value=int(value), text=words) for value, words in text.unscored_options.items()),
        loinc=codes[place - 1] if codes else "",
    )


def answer_codes(found: Instrument, number: int) -> dict[str, int]:
    """LOINC answer codes of an item, with the value each stands for."""
    return found.loinc.item_answers.get(str(number)) or found.loinc.answers


def answer_code(found: Instrument, number: int, value: int) -> str:
    """LOINC answer code of a value, or empty."""
    return next((code for code, stands in answer_codes(found, number).items() if stands == value), "")


def check(found: Instrument, where: str) -> None:
    """Raise ContentFault if positions, ranges or bands of an instrument do not fit together."""
    positions = [*found.reverse, *found.total_items, *(k for s in found.subscales for k in s.items)]
    positions += [s.item for s in found.safety] + [k for s in found.skips for k in (*s.items, s.when_item)]
    for k in positions:
        if not 1 <= k <= found.items:
            raise ContentFault(f"{where}: item {k} is named, but the form has items 1 to {found.items}.")
    if found.kind in ("sum", "mean"):
        _check_range(found, where)
    for listed in found.bands:
        _check_bands(found, listed.list, f"{where}: bands{' for ' + listed.when if listed.when else ''}")
    for part in found.basis:
        if part.tag in ("V", "S") and not part.source:
            raise ContentFault(f"{where}: {part.what!r} is tagged {part.tag} but names no source; name it.")


def _check_range(found: Instrument, where: str) -> None:
    counted = 1 if found.kind == "mean" else len(found.total_items or range(found.items))
    if (found.total_low, found.total_high) != (found.lowest * counted, found.highest * counted):
        raise ContentFault(f"{where}: total_low and total_high do not follow from the items; correct them.")


def _check_bands(found: Instrument, bands: tuple[Band, ...], where: str) -> None:
    step = 0 if found.kind == "mean" else 1
    follows = all(after.low == before.high + step for before, after in pairwise(bands))
    rising = all(band.low <= band.high for band in bands)
    if not follows or not rising:
        raise ContentFault(f"{where}: wrong order of bands; each band begins where the one before it ends.")
    if (bands[0].low, bands[-1].high) != (found.total_low, found.total_high):
        raise ContentFault(f"{where}: bands do not cover {found.total_low} to {found.total_high}; extend them.")


def _unknown(name: str) -> str:
    if name in totals_only():
        return f"instrument: {name!r} is known by its total only; record the total as an observation, not answers."
    near = difflib.get_close_matches(name, instrument_ids(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"use one of {', '.join(instrument_ids())}."
    return f"instrument: {name!r} is not known; {hint}"
