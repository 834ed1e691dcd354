"""
An instrument as its content file holds it: structure, scoring, bands, flags, change, licence, wording.

Every table of the files refuses unknown keys; a value that the fact sheet does not give is absent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from openkap.kernel.content import Header
from openkap.kernel.source import Basis, Row, Tag, Verified, verified

Kind = Literal["sum", "mean", "subscales", "profile", "screener"]
Ship = Literal["full", "full_after_check", "headings_only", "none"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a row; unknown keys stop the load."""


class Band(Part, frozen=True):
    """
    One severity band of the total.

    Args:
        low, high: first and last total inside. For a mean score `high` is the next band's `low` and
            lies outside, except in the last band.
        word: the word shown and stored.
    """

    low: int
    high: int
    word: str


class Bands(Part, frozen=True):
    """
    A contiguous list of bands over the whole range of the total.

    Args:
        when: value of the instrument's context field that this list is for; empty for any.
    """

    list: tuple[Band, ...]
    when: str = ""


class Line(Part, frozen=True):
    """
    A cut-off on the total.

    Args:
        at_least: lowest total at or above the line.
        flag: raised at or above it; empty where the sheet names a line but no flag (shown only).
        when: value of the context field that the line is for; empty for any.
        words: what the line means and how well it does.
    """

    at_least: int
    flag: str = ""
    when: str = ""
    words: str = ""


class Subscale(Part, frozen=True):
    """
    A score beside the total.

    Args:
        id: key in `Score.subscores`.
        how: `sum`, `mean`, `percent` (mean as percent of the highest answer) of `items`, or
            `total_per_item` (total divided by the number of items).
        items: 1-based positions in the answer list.
        places: decimal places shown, rounded half up; ignored for `sum`.
    """

    id: str
    how: Literal["sum", "mean", "percent", "total_per_item"]
    items: tuple[int, ...] = ()
    places: int = 0


class Missing(Part, frozen=True):
    """
    What unanswered items do.

    Args:
        limit: most items that may be missing for a prorated total.
        rounding: of the prorated total.
        flag: raised when more are missing.
        null_subscales: True where an incomplete subscale is shown as null and not left out.
    """

    limit: int = 0
    rounding: Literal["half_up", "up"] = "half_up"
    flag: str = "INCOMPLETE_NO_TOTAL"
    null_subscales: bool = False


class Skip(Part, frozen=True):
    """Items that may stay unanswered, and then count 0, when `when_item` is answered 0 (No, Never)."""

    items: tuple[int, ...]
    when_item: int


class NotApplicable(Part, frozen=True):
    """An item that may be answered `NA`: the total is prorated from the others."""

    item: int
    flag: str


class SafetyItem(Part, frozen=True):
    """An item read before everything else: at or above `at_least` it raises `flag`."""

    item: int
    at_least: int
    flag: str


class Verdict(Part, frozen=True):
    """A flag for a count of at least `at_least`."""

    at_least: int
    flag: str


class Syndrome(Part, frozen=True):
    """
    A count of present symptoms, made only when no answer is missing.

    Args:
        present_at: answer at which an item counts.
        own: items that count from another answer on: position as text -> answer.
        gate_items, gate_at: at least one of these items must reach this answer.
        verdicts: highest count first; the first that fits gives the flag.
    """

    present_at: int
    gate_items: tuple[int, ...]
    gate_at: int
    verdicts: tuple[Verdict, ...]
    own: dict[str, int] = {}


class Clusters(Part, frozen=True):
    """`flag` when each named subscale has at least so many items answered `present_at` or more."""

    present_at: int
    need: dict[str, int]
    flag: str


class OnlyFrom(Part, frozen=True):
    """`flag` on a positive screen whose `zero_items` are all answered 0."""

    zero_items: tuple[int, ...]
    flag: str


class AllSubscales(Part, frozen=True):
    """Band `yes` when every percent subscale reaches `at_least`, else band `no`."""

    at_least: int
    yes: str
    no: str


class Level(Part, frozen=True):
    """A level of a yes/no screener: any of `items` answered yes gives `word` and `flag`."""

    word: str
    items: tuple[int, ...]
    flag: str


class Screener(Part, frozen=True):
    """
    A yes/no screener whose worst answer decides.

    Args:
        levels: worst first.
        none: word of a complete form without any yes.
        depth_id: name of the subscore that gives the highest item answered yes.
        depth_items: the items it looks at, in rising order.
    """

    levels: tuple[Level, ...]
    none: str
    depth_id: str
    depth_items: tuple[int, ...]


class ValueSet(Part, frozen=True):
    """
    A country's value set for a health profile: index = 1 - sum of decrements.

    Args:
        id: as in `context.value_set`.
        decrements: per dimension in answer order, what levels 2, 3, 4, 5 take away.
        places: decimal places of the index.
    """

    id: str
    decrements: tuple[tuple[Decimal, ...], ...]
    places: int


class Profile(Part, frozen=True):
    """A health profile. `default` is the value set when the context names none."""

    default: str
    value_sets: tuple[ValueSet, ...]


class Loinc(Part, frozen=True):
    """
    LOINC codes of a form.

    Args:
        panel, total: the form and its total score.
        items: item codes in answer order.
        unscored: code of each unscored item, in order; empty where not known.
        answers: answer code -> value, the same for all items.
        item_answers: position as text -> answer code -> value, where the items differ.
    """

    panel: str = ""
    total: str = ""
    items: tuple[str, ...] = ()
    unscored: tuple[str, ...] = ()
    answers: dict[str, int] = {}
    item_answers: dict[str, dict[str, int]] = {}


class Licence(Part, frozen=True):
    """
    Who owns the wording and whether it ships.

    Args:
        status: in words, for a reader.
        ship: `full`, `headings_only`, `full_after_check` (not shipped until a comparison with the
            source is recorded) or `none` (scoring only; a site installs the text it may use).
    """

    status: str
    ship: Ship
    tag: Tag
    source: str = ""


class Definition(Part, frozen=True):
    """
    One definition of change.

    Args:
        words: the definition and where it comes from, as shown beside a result.
        tag, source: how it was checked.
        percent_fall: at least this fall in percent.
        points: at least this change in points.
        at_most: a total at or below this.
    """

    words: str
    tag: Tag
    source: str = ""
    percent_fall: int | None = None
    points: int | None = None
    at_most: int | None = None


class Published(Part, frozen=True):
    """
    A value on which a choice rests: a computed or published reliable change, MCID or cut-off c.

    Args:
        what: `rci` (1.96 x SD x sqrt 2 x sqrt(1 - r)), `published` or `c` (Jacobson-Truax cut-off).
        value: in points.
        sd, r: inputs of an `rci`.
        clinical, normal: mean and SD of the two groups of a `c`.
    """

    what: Literal["rci", "published", "c"]
    value: Decimal
    words: str
    tag: Tag
    source: str = ""
    sd: Decimal | None = None
    r: Decimal | None = None
    clinical: tuple[Decimal, Decimal] | None = None
    normal: tuple[Decimal, Decimal] | None = None


class ChangeWord(Part, frozen=True):
    """A word for a percent fall from `low` (inside) up to the next row."""

    low: int
    word: str


class Change(Part, frozen=True):
    """
    How change on an instrument is judged; an absent definition is absent, never a default.

    Args:
        outcome: False for scales that are shown as a trend and never as success.
        percent: False where a percent change has no meaning (ratings 1-7).
        floor: lowest possible total where the sheet corrects the percent change for it.
        response, remission, reliable, mcid: the definitions in force.
        cutoff_c: Jacobson-Truax cut-off between the sick and the well side.
        words: words for a percent fall, best first.
        values: what the choices rest on.
    """

    outcome: bool = True
    percent: bool = True
    floor: int = 0
    response: Definition | None = None
    remission: Definition | None = None
    reliable: Definition | None = None
    mcid: Definition | None = None
    cutoff_c: Decimal | None = None
    words: tuple[ChangeWord, ...] = ()
    words_tag: Tag | None = None
    words_source: str = ""
    values: tuple[Published, ...] = ()
    trend_note: str = ""


class Instrument(Row, frozen=True):
    """
    One instrument, whole.

    Args:
        title, construct, rater, recall, minutes: for a reader; `recall` is the window asked about.
        higher: what a higher total means.
        items: number of answers in the list.
        unscored: number of further items on the form that are no part of the list.
        lowest, highest, step: the allowed answers; `booleans` allows true (1) and false (0) too.
        reverse: items scored lowest + highest - answer.
        kind: how the total comes about.
        total_items: items of a `sum` total where not all; `total_low`, `total_high` its range.
        places: decimal places of a `mean` total.
        context: the context field the reading depends on; `unknown_context_flag` when it is not known.
        basis: the parts with their tags and sources.
        citation: the works, as shown with every score; `works` their keys in `sources.toml`.
        reading: how OpenKAP reads what the fact sheet leaves open.
        version: of the content file, set by the loader.
    """

    title: str
    construct: str
    rater: Literal["self", "clinician"]
    recall: str
    minutes: str
    higher: Literal["worse", "better", "neither"]
    items: int
    lowest: int
    highest: int
    kind: Kind
    basis: tuple[Basis, ...]
    citation: str
    works: tuple[str, ...]
    licence: Licence
    unscored: int = 0
    step: int = 1
    booleans: bool = False
    reverse: tuple[int, ...] = ()
    total_items: tuple[int, ...] = ()
    total_low: int | None = None
    total_high: int | None = None
    places: int = 0
    context: Literal["", "sex", "agoraphobia", "value_set"] = ""
    unknown_context_flag: str = ""
    subscales: tuple[Subscale, ...] = ()
    missing: Missing = Missing()
    skips: tuple[Skip, ...] = ()
    not_applicable: NotApplicable | None = None
    safety: tuple[SafetyItem, ...] = ()
    bands: tuple[Bands, ...] = ()
    lines: tuple[Line, ...] = ()
    syndrome: Syndrome | None = None
    clusters: Clusters | None = None
    only_from: OnlyFrom | None = None
    all_subscales: AllSubscales | None = None
    screener: Screener | None = None
    profile: Profile | None = None
    loinc: Loinc = Loinc()
    change: Change = Change()
    reading: tuple[str, ...] = ()
    note: str = ""
    version: str = ""

    @property
    def verified(self) -> Verified:
        """That of the weakest part."""
        return verified([b.tag for b in self.basis])

    @property
    def sources(self) -> tuple[str, ...]:
        """Keys of every work cited anywhere in the file, in order of appearance."""
        change = self.change
        cited = [*self.works, *(b.source for b in self.basis), self.licence.source, change.words_source]
        cited += [d.source for d in (change.response, change.remission, change.reliable, change.mcid) if d]
        cited += [v.source for v in change.values]
        return tuple(dict.fromkeys(key for key in cited if key))


class InstrumentFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content/instruments/ID.toml`."""

    content: Header
    instrument: Instrument


class TotalOnly(Row, frozen=True):
    """
    An instrument known only by its total: it arrives as a number and is not scored here.

    Args:
        low, high: range of the total.
        basis: how range and meaning were checked.
    """

    title: str
    construct: str
    low: int
    high: int
    basis: tuple[Basis, ...]
    note: str = ""

    def holds(self, total: int) -> bool:
        """True if the total lies in the range."""
        return self.low <= total <= self.high


class TotalsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content/total-only.toml`."""

    content: Header
    instrument: tuple[TotalOnly, ...]


class ItemText(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    Wording of an instrument: shipped where its licence allows, else installed by the site.

    Args:
        language: BCP 47 tag.
        basis: why the text may be used and how it was checked.
        stem: the sentence before the items.
        items: position as text -> wording.
        options: value as text -> answer words, for all items.
        item_options: position as text -> options of that item, where they differ.
        unscored: further items of the form; `unscored_options` their answers.
        requires: what must be recorded before the form is given.
    """

    items: dict[str, str]
    language: str = "en"
    basis: str = ""
    stem: str = ""
    options: dict[str, str] = {}
    item_options: dict[str, dict[str, str]] = {}
    unscored: dict[str, str] = {}
    unscored_options: dict[str, str] = {}
    requires: str = ""
    content: Header | None = None
