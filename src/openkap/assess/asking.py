"""
Forms as people fill them in, one question after the other: an instrument, or pages of the intake.

A question is answered, declined, or open. Nothing here is saved: `services.py` keeps each answer as given.

Source: fact convention, sections 7 to 9; instruments fact sheet, section 1.1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from openkap.assess import fhir
from openkap.assess import intake as intake_answers
from openkap.assess.crisis import flags_of_answer
from openkap.assess.instruments import form as instrument_form
from openkap.assess.instruments import instrument, instrument_ids, item_text
from openkap.assess.intake import DECLINED, NEVER
from openkap.assess.intake_form import Group, Item, intake
from openkap.assess.inventories import Inventory, inventory_rules
from openkap.assess.scoring import NOT_APPLICABLE, score
from openkap.chart.vocabulary import facts
from openkap.kernel.clock import When
from openkap.kernel.content import Header, load
from openkap.kernel.errors import ContentFault, UnknownName, UserError
from openkap.kernel.source import Row, Tag

Kind = Literal["choice", "number", "decimal", "date", "text", "entries"]
By = Literal["patient", "staff"]
CLOSED = "closed"  # a list to which nothing more is added
REMOVED = "removed"  # an entry that is taken back
YES, NO = "true", "false"  # other words than the codes of a choice, which may be yes and no too


class Links(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    Policy of links and answers: days a link lives, tries at the birth date, minutes after which a browser that
    did nothing is forgotten, days until a form is due.
    """

    days: int
    birth_date_tries: int
    idle_min: int
    due_days: int
    unknown_links_per_hour: int
    most_answers: int
    longest_text: int
    tag: Tag


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Standing words of a question."""

    decline: str
    yes: str
    no: str
    nothing_to_add: str
    date_hint: str


class IntakePages(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Pages of the intake that make one form."""

    by: By
    title: str
    minutes: str
    groups: tuple[str, ...]


class RequestsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`content/requests.toml`."""

    content: Header
    links: Links
    words: Words
    form: tuple[IntakePages, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """
    One question.

    Args:
        link: linkId of the item; `LIST/n` is the n-th entry of a list.
        stem: the sentence it completes; `note` stands before the first question of a page.
        options: (code as sent, words).
        several: more than one option may be chosen.
        hint: how to write the answer.
        may_decline: may be answered with "I would rather not say".
        never: words for an event that never was; empty if it cannot be said.
        least, most: limits of a number.
        needed: of a field: an entry without it is no entry.
        only_if: asked only if this question has one of these codes.
        fields: of a list: what each entry asks.
        alarm: codes that call for help at once.
        scored: it counts for the score of an instrument; one that does not is asked, kept, and never required.
    """

    link: str
    text: str
    kind: Kind
    page: str = ""
    stem: str = ""
    note: str = ""
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()
    several: bool = False
    may_decline: bool = True
    never: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    needed: bool = False
    only_if: tuple[str, tuple[str, ...]] | None = None
    fields: tuple[Question, ...] = ()
    alarm: tuple[str, ...] = ()
    scored: bool = True


@dataclass(frozen=True, slots=True)
class FormShape:
    """A form: its id, who fills it in, its title for the patient, about how long it takes, and its questions."""

    id: str
    by: By
    title: str
    minutes: str
    questions: tuple[Question, ...]
    copyright: str = ""
    requires: str = ""

    @property
    def is_instrument(self) -> bool:
        return self.id in instrument_ids()

    def question(self, link: str) -> Question:
        """
        The question of a linkId; of an entry, its list.

        Raises:
            UnknownName: the form does not have it.
        """
        wanted = link.partition("/")[0]
        for question in self.questions:
            if question.link == wanted and (link == wanted or question.kind == "entries"):
                return question
        raise UnknownName(f"question: {link[:40]!r} is not in this form; reload the page.")


@cache
def requests() -> RequestsFile:
    """The policy of requests, checked: each page of the intake is in exactly one form."""
    file = load("assess", "requests.toml", RequestsFile)
    named = [group for form in file.form for group in form.groups]
    pages = {group.id: group for group in intake().group}
    if sorted(named) != sorted(pages):
        raise ContentFault("assess/content/requests.toml: each page of the intake stands in one form; correct groups.")
    for form in file.form:
        if form.by == "patient" and any(pages[name].part == "clinician" for name in form.groups):
            raise ContentFault(f"assess/content/requests.toml: {form.id} asks a patient what is the clinician's.")
    return file


def form_ids() -> tuple[str, ...]:
    """Every form that can be asked for: pages of the intake first, then the instruments."""
    return (*(form.id for form in requests().form), *instrument_ids())


def form_that_asks(fact: str) -> str | None:
    """The form that settles a fact: pages of the intake, or the instrument whose score it is."""
    for pages in requests().form:
        for group in intake().group:
            if group.id in pages.groups and any(item.id == fact for item in group.item):
                return pages.id
    name = fact.partition(".")[0]
    return name if name in instrument_ids() else None


def shape_of(form_id: str, site: Path | None = None) -> FormShape:
    """
    A form with its questions.

    Args:
        form_id: one of `form_ids()`.
        site: the site's folder, whose own wording of an instrument counts.

    Raises:
        UnknownName: no such form.
    """
    if form_id in instrument_ids():
        return _instrument(form_id, site)
    pages = next((form for form in requests().form if form.id == form_id), None)
    if pages is None:
        raise UnknownName(f"form: {form_id!r} is not known; use intake or the id of an instrument.")
    groups = {group.id: group for group in intake().group}
    questions = tuple(q for name in pages.groups for q in _page(groups[name], pages.by))
    return FormShape(pages.id, pages.by, pages.title, pages.minutes, questions)


@cache
def title_of(form_id: str) -> str:
    """The title of a form."""
    if form_id in instrument_ids():
        return instrument(form_id).title
    return shape_of(form_id).title


def fit_for_patient(form_id: str, site: Path | None = None) -> None:
    """
    Raises:
        UserError: this form cannot be sent to a patient; the sentence says why and what to do instead.
    """
    shape = shape_of(form_id, site)
    if shape.by == "staff":
        raise UserError(f"form: {form_id} is filled in by a trained person, not by the patient; enter it yourself.")
    if shape.is_instrument and item_text(form_id, site) is None:
        raise UserError(f"form: the wording of {form_id} is not installed here; install it, or enter a paper form.")


# --- questions ---------------------------------------------------------------------------------------


def _instrument(name: str, site: Path | None) -> FormShape:
    found, shape, text = instrument(name), instrument_form(name, site), item_text(name, site)
    words = requests().words
    items = [item for item in shape.items if item.scored]
    skipped = {k: skip.when_item for skip in found.skips for k in skip.items}
    codes: dict[int, tuple[tuple[str, str], ...]] = {}
    for item in items:
        options = tuple((str(o.value), o.text) for o in item.options)
        if item.yes_no:
            options = ((YES, words.yes), (NO, words.no))
        codes[item.number] = options + (((NOT_APPLICABLE, "Does not apply to me"),) if item.may_be_na else ())
    questions = []
    for item in items:
        parent = skipped.get(item.number)
        only_if = None
        if parent:
            zero = NO if found.booleans else "0"
            only_if = (str(parent), (*(code for code, _ in codes[parent] if code != zero), DECLINED))
        alarm = [code for code, _ in codes[item.number] if flags_of_answer(name, item.number, _instrument_value(code))]
        questions.append(
            Question(
                link=str(item.number),
                text=item.text,
                kind="choice",
                stem=shape.stem,
                options=codes[item.number],
                only_if=only_if,
                alarm=tuple(alarm),
            )
        )
    questions += [
        Question(
            link=str(item.number),
            text=item.text,
            kind="choice",
            options=tuple((str(option.value), option.text) for option in item.options),
            scored=False,
        )
        for item in shape.items
        if not item.scored
    ]
    return FormShape(
        id=name,
        by="patient" if found.rater == "self" else "staff",
        title=shape.title,
        minutes=found.minutes,
        questions=tuple(questions),
        copyright=shape.copyright,
        requires=text.requires if text else "",
    )


def _page(group: Group, by: By) -> list[Question]:
    may_decline = by == "patient"
    asked = {item.id for item in group.item}
    questions = [_intake_question(item, group, asked, may_decline) for item in group.item]
    if group.prior_treatment:
        questions.append(_trials())
    rows = {row.id: row for row in inventory_rules().inventory}
    questions += [_inventory(rows[name]) for name in group.inventories]
    return [
        replace(question, page=group.title, note=group.text if k == 0 else "") for k, question in enumerate(questions)
    ]


def _intake_question(item: Item, group: Group, asked: set[str], may_decline: bool) -> Question:
    fact, words = facts()[item.id], requests().words
    kind: Kind = "choice"
    options = tuple(item.options.items())
    if fact.is_yes_no:
        options = ((YES, words.yes), (NO, words.no))
    elif fact.kind in ("date", "number"):
        kind = fact.kind
    return Question(
        link=item.id,
        text=item.text or fact.question,
        kind=kind,
        options=options,
        several=fact.repeats,
        hint=words.date_hint if kind == "date" else "",
        may_decline=may_decline,
        never=intake().words.never if item.never else "",
        least=fact.least,
        most=fact.most,
        only_if=(fact.detail_of, (YES,)) if fact.detail_of in asked else None,
    )


def _trials() -> Question:
    form, words = intake().trial, requests().words
    kinds: dict[str, Kind] = {
        "choice": "choice", "open-choice": "text", "quantity": "decimal", "decimal": "decimal",
        "integer": "number", "date": "date",
    }  # fmt: skip
    fields = tuple(
        Question(
            link=field.id,
            text=field.text,
            kind=kinds[field.type],
            options=tuple(field.options.items()),
            hint=words.date_hint if field.type == "date" else "",
            needed=field.id == form.field[0].id,
            least=Decimal(0),
        )
        for field in form.field
    )
    return Question(link=intake_answers.TRIAL_GROUP, text=form.title, kind="entries", fields=fields)


def _inventory(row: Inventory) -> Question:
    words, limits = requests().words, inventory_rules().limits
    kinds: dict[str, Kind] = {
        "text": "text", "code": "choice", "yes-no": "choice", "rating": "number", "hours": "decimal",
        "days": "number", "date": "date",
    }  # fmt: skip
    fields = tuple(
        Question(
            link=field.id,
            text=field.text,
            kind=kinds[field.type],
            options=((YES, words.yes), (NO, words.no)) if field.type == "yes-no" else tuple(field.options.items()),
            hint=words.date_hint if field.type == "date" else "",
            needed=field.needed,
            least=Decimal(limits[field.type][0]) if field.type in limits else None,
            most=Decimal(limits[field.type][1]) if field.type in limits else None,
        )
        for field in row.field
    )
    return Question(link=row.id, text=row.title, kind="entries", hint=row.text, fields=fields)


# --- answers -----------------------------------------------------------------------------------------


def read_answer(shape: FormShape, link: str, sent: Mapping[str, Sequence[str]]) -> object:
    """
    An answer as it is kept: a code, a list of codes, a whole number, a decimal as text, a date, words; for
    an entry a table of these by field.

    Args:
        link: linkId; `LIST/n` is an entry.
        sent: fields of the page: `value`, or for an entry `value-FIELD`.

    Raises:
        UnknownName: no such question. UserError: nothing was chosen, or it does not answer the question.
    """
    question = shape.question(link)
    value = [text.strip() for text in sent.get("value", ()) if text.strip()]
    if "/" not in link:
        return _read(question, value)
    if not link.partition("/")[2].isdecimal():
        raise UnknownName(f"question: {link[:40]!r} is not in this form; reload the page.")
    if value == [REMOVED]:
        return REMOVED
    entry = {}
    for field in question.fields:
        texts = [text.strip() for text in sent.get(f"value-{field.link}", ()) if text.strip()]
        if texts:
            entry[field.link] = _read(field, texts)
        elif field.needed:
            raise UserError(f"{field.text} Answer this one, or leave the whole entry out.")
    return entry


def _read(question: Question, texts: Sequence[str]) -> object:
    if not texts:
        raise UserError("Choose or write an answer, or say that you would rather not.")
    if question.may_decline and texts[0] == DECLINED:
        return DECLINED
    if question.never and texts[0] == NEVER:
        return NEVER
    codes = {code for code, _ in question.options}
    if question.kind == "entries":
        if texts[0] == CLOSED:
            return CLOSED
    elif question.kind == "choice":
        if set(texts) <= codes and (question.several or len(texts) == 1):
            return list(texts) if question.several else texts[0]
    elif question.kind == "text":
        return _words(question, texts[0])
    elif question.kind == "date":
        return _date(question, texts[0])
    else:
        return _number(question, texts[0])
    raise UserError(f"{question.text} This answer is not one of those offered; choose one.")


def _words(question: Question, text: str) -> str:
    if "\0" in text:
        raise UserError(f"{question.text} This holds a character that cannot be kept; type it anew.")
    if len(text) > requests().links.longest_text:
        raise UserError(f"{question.text} This is too long; write at most {requests().links.longest_text} letters.")
    return next((code for code, words in question.options if words == text), text)


def _date(question: Question, text: str) -> str:
    try:
        return When.parse(text).text
    except UserError:
        raise UserError(f"{question.text} Write the date as 2019, 2019-03 or 2019-03-15.") from None


def _number(question: Question, text: str) -> int | str:
    whole = question.kind == "number"
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise UserError(f"{question.text} Write a number in digits.") from None
    if not number.is_finite() or (whole and number != number.to_integral_value()):
        raise UserError(f"{question.text} Write a {'whole ' if whole else ''}number in digits.")
    if question.least is not None and number < question.least:
        raise UserError(f"{question.text} Write a number of at least {question.least}.")
    if question.most is not None and number > question.most:
        raise UserError(f"{question.text} Write a number of at most {question.most}.")
    return int(number) if whole else str(number)


def flags(shape: FormShape, link: str, value: object) -> tuple[str, ...]:
    """The suicidality flags that this answer raises."""
    if not shape.is_instrument or not link.isdecimal():
        return ()
    return flags_of_answer(shape.id, int(link), _instrument_value(value))


def asked(shape: FormShape, answers: Mapping[str, object]) -> list[Question]:
    """The questions to ask, given what was answered so far."""
    shown: list[Question] = []
    for question in shape.questions:
        if question.only_if is None or answers.get(question.only_if[0]) in question.only_if[1]:
            shown.append(question)
    return shown


def still_open(shape: FormShape, answers: Mapping[str, object]) -> list[Question]:
    """Questions that are asked and neither answered nor declined."""
    return [question for question in asked(shape, answers) if question.link not in answers]


def entries(answers: Mapping[str, object], link: str) -> list[dict[str, Any]]:
    """The entries of a list, in order."""
    numbered = [
        (int(name.partition("/")[2]), value)
        for name, value in answers.items()
        if name.startswith(f"{link}/") and isinstance(value, dict)
    ]
    return [value for _, value in sorted(numbered, key=lambda pair: pair[0])]


def is_blank(shape: FormShape, answers: Mapping[str, object]) -> bool:
    """True if nothing was said: every question is open or declined, every list empty."""
    return all(value in (DECLINED, CLOSED, REMOVED) for value in answers.values())


def required(shape: FormShape, answers: Mapping[str, object]) -> list[Question]:
    """
    Open questions without which the form does not count as complete.

    An instrument is complete when scoring gives a result without them, and every question that may raise a
    suicidality flag was answered or declined; the intake when nothing is open.
    """
    left = [question for question in still_open(shape, answers) if question.scored]
    if not left or not shape.is_instrument:
        return left
    if score(shape.id, instrument_answers(shape, answers)).status in ("ok", "prorated"):
        return [question for question in left if question.alarm]
    return left


# --- resources ---------------------------------------------------------------------------------------


def instrument_answers(shape: FormShape, answers: Mapping[str, object]) -> list[object]:
    """The scored answers of an instrument in list order; None for open or declined, and for a question not asked."""
    shown = {question.link for question in asked(shape, answers)}
    scored = (question for question in shape.questions if question.scored)
    return [_instrument_value(answers.get(q.link)) if q.link in shown else None for q in scored]


def _beside(shape: FormShape, answers: Mapping[str, object]) -> dict[int, int]:
    """Answers that no score counts, by number of the item."""
    said = {int(q.link): _instrument_value(answers.get(q.link)) for q in shape.questions if not q.scored}
    return {number: value for number, value in said.items() if isinstance(value, int)}


def _instrument_value(value: object) -> object:
    if value in (YES, NO):
        return value == YES
    if value == NOT_APPLICABLE:
        return NOT_APPLICABLE
    return int(value) if isinstance(value, str) and value.removeprefix("-").isdecimal() else None


def resource(
    shape: FormShape, answers: Mapping[str, object], *, authored: str, subject: str, author: str
) -> dict[str, Any]:
    """
    The finished form as a FHIR R4 QuestionnaireResponse.

    Args:
        authored: FHIR dateTime.
        subject, author: references; a Practitioner where staff filled it in.
    """
    if shape.is_instrument:
        counted, beside = instrument_answers(shape, answers), _beside(shape, answers)
        written = fhir.response(shape.id, counted, beside, authored=authored, subject=subject)
        return written | {"author": {"reference": author}}
    shown = asked(shape, answers)
    lists = [question for question in shown if question.kind == "entries"]
    plain = {q.link: _intake_value(answers[q.link]) for q in shown if q.kind != "entries" and q.link in answers}
    made = intake_answers.response(
        plain,
        authored=authored,
        subject=subject,
        author=author,
        trials=[e for q in lists if q.link == intake_answers.TRIAL_GROUP for e in _entries(q, answers)],
        inventories={q.link: _entries(q, answers) for q in lists if q.link != intake_answers.TRIAL_GROUP},
    )
    plain_made: dict[str, Any] = _without_decimals(made)
    return plain_made


def _intake_value(value: object) -> object:
    return value == YES if value in (YES, NO) else value


def _entries(question: Question, answers: Mapping[str, object]) -> list[dict[str, object]]:
    kinds = {field.link: field for field in question.fields}
    return [
        {name: _field_value(kinds[name], value) for name, value in entry.items()}
        for entry in entries(answers, question.link)
    ]


def _field_value(field: Question, value: object) -> object:
    if field.kind == "decimal":
        return Decimal(str(value))
    return _intake_value(value) if field.kind == "choice" else value


def _without_decimals(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_decimals(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_without_decimals(value) for value in node]
    if isinstance(node, Decimal):
        return int(node) if node == node.to_integral_value() else float(node)
    return node
