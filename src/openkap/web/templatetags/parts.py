"""
The parts of which pages are made: `{% load parts %}`. What they are given is described in `web/parts.py`.

    {% icon "hold" %}                            a symbol of icons.svg
    {% chip "hold" word %}                       status: shape, word, colour
    {% pathway steps %}                          Step rows
    {% verdict document %}                       of screening_document
    {% ask_list rows %}                          AskRow rows
    {% finding f %}                              one of document["findings"], its basis in details
    {% scores series %}                          Series: picture and table
    {% evidence card %}                          Evidence
    {% diff changes %}                           Change rows
    {% error_summary form %}  {% field form.name %}  {% fields form %}
    {% saved at by %}                            stands beside the thing that was saved
    {% empty title sentence url action %}        what would be here, and the one thing to do
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BaseForm, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.forms.boundfield import BoundField
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from openkap.assess.asking import title_of
from openkap.assess.instruments import instrument_ids
from openkap.kernel.source import GRADE_WORDS, TAG_WORDS
from openkap.plan import words as plan_words
from openkap.plan.words import instrument_name
from openkap.web import parts, words

register = template.Library()
PARTS = "web/parts"


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """A symbol; it says nothing that the word beside it does not say."""
    return format_html(
        '<svg class="i{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        f" {css}" if css else "",
        static("web/icons.svg"),
        name,
    )


@register.inclusion_tag(f"{PARTS}/chip.html")
def chip(shape: str, word: parts.Words) -> dict[str, Any]:
    """A status in one line."""
    return {"shape": shape, "word": word}


@register.inclusion_tag(f"{PARTS}/pathway.html")
def pathway(steps: Iterable[parts.Step]) -> dict[str, Any]:
    """The line of stages, down the page on a phone."""
    return {"steps": steps, "dots": {"ok": "check", "plain": ""}}


@register.inclusion_tag(f"{PARTS}/verdict.html")
def verdict(document: Mapping[str, Any], heading: str = "h1") -> dict[str, Any]:
    """One sentence and the tally."""
    word = document["verdict"]
    return {
        "shape": words.VERDICT_SHAPES[word],
        "sentence": words.VERDICTS[word],
        "tally": parts.tally(document),
        "checked": document.get("rules_checked"),
        "heading": heading,
    }


@register.inclusion_tag(f"{PARTS}/ask_list.html")
def ask_list(rows: Iterable[parts.AskRow], lead: str = "") -> dict[str, Any]:
    """What is not known: question, why it matters, who was asked. `lead`: the address of the page's next right step."""
    return {"rows": rows, "lead": lead}


@register.inclusion_tag(f"{PARTS}/finding.html")
def finding(found: Mapping[str, Any]) -> dict[str, Any]:
    """One finding; its facts, rule, reason, sources and how they were checked are one click away."""
    name = parts.group(found)
    return {
        "f": found,
        "shape": words.SHAPES[name],
        "word": words.CLASSES[name],
        "missing": words.MISSING[found["missing"]] if name == "missing" and found["missing"] else "",
        "standing": plan_words.standing(found["evidence"], found["verified"]),
        "because": words.sentence(found["because"]),
        "action": words.sentence(words.action(found["action"])),
    }


@register.inclusion_tag(f"{PARTS}/scores.html")
def scores(series: parts.Series) -> dict[str, Any]:
    """Scores of one instrument: the picture, and beside it always the table."""
    return {"d": parts.drawn(series), "id": "".join(c if c.isalnum() else "-" for c in series.name.lower())}


@register.inclusion_tag(f"{PARTS}/evidence.html")
def evidence(card: parts.Evidence) -> dict[str, Any]:
    """Grade, claim, source, how it was read."""
    return {"card": card, "grade_words": GRADE_WORDS.get(card.grade, "")}


@register.inclusion_tag(f"{PARTS}/diff.html")
def diff(changes: Iterable[parts.Change]) -> dict[str, Any]:
    """Old struck through, new underlined, each with its reason."""
    return {"changes": changes}


@register.inclusion_tag(f"{PARTS}/error_summary.html")
def error_summary(form: BaseForm) -> dict[str, Any]:
    """All faults of a form on top, each linked to its field. Nothing if there is none."""
    linked = [(form[name].id_for_label or form[name].auto_id, form[name].errors) for name in form.fields]
    return {"linked": [(id_, errors) for id_, errors in linked if errors], "general": form.non_field_errors()}


@register.inclusion_tag(f"{PARTS}/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """Label, hint, fault and control of one field, tied together for those who do not see them."""
    widget = bound.field.widget
    is_group = isinstance(widget, RadioSelect | CheckboxSelectMultiple)
    is_row = isinstance(widget, CheckboxInput)
    css = "" if is_group or is_row else "input"
    return {"bound": bound, "is_group": is_group, "is_row": is_row, "control": bound.as_widget(attrs={"class": css})}


@register.inclusion_tag(f"{PARTS}/fields.html")
def fields(form: BaseForm) -> dict[str, Any]:
    """Every field of a form, the hidden ones too."""
    return {"form": form}


@register.inclusion_tag(f"{PARTS}/saved.html")
def saved(at: datetime, by: str = "") -> dict[str, Any]:
    """When the thing beside it was saved, and by whom."""
    return {"at": at, "by": by}


@register.inclusion_tag(f"{PARTS}/empty.html")
def empty(title: parts.Words, sentence: parts.Words = "", url: str = "", action: parts.Words = "") -> dict[str, Any]:
    """What would be here, and the one thing to do."""
    return {"title": title, "sentence": sentence, "url": url, "action": action}


@register.filter
def sentence(text: str) -> str:
    """The text as a sentence."""
    return words.sentence(text)


@register.filter
def plain(text: str) -> str:
    """The text without references to records and rules, its dates in words."""
    return words.plain(text)


@register.filter
def figure(value: Any, unit: str = "") -> str:
    """A number as the plan prints it."""
    return words.figure(value, unit)


@register.filter
def size(value: Decimal | float) -> str:
    """How large a change is, to one decimal place and without its sign: the words beside it say which way."""
    return words.figure(abs(round(Decimal(str(value)), 1)))


@register.filter
def form_name(form: str) -> str:
    """A form as staff call it: a scale by its letters, another form by its title."""
    return instrument_name(form) if form in instrument_ids() else title_of(form)


@register.filter
def verdict_words(verdict: str) -> parts.Words:
    """A verdict in a word or two."""
    return words.VERDICT_WORDS[verdict]


@register.filter
def roles_words(roles: str) -> str:
    """Roles as the audit trail holds them, in words."""
    return ", ".join(str(words.ROLES[role]) for role in roles.split())


@register.filter
def event_words(event: Any) -> str:
    """What an event of the audit trail tells of, in words."""
    what = words.event(event.type)
    return what if event.type in words.DEEDS else f"{what}, {words.DONE[event.action]}"


@register.filter
def flag_words(flag: str) -> parts.Words:
    """A safety flag in words."""
    return words.FLAGS.get(flag, flag.removeprefix("SAFETY_").replace("_", " ").lower())


@register.filter
def role_words(role: str) -> parts.Words:
    """A role in words."""
    return words.ROLES[role]


@register.filter
def tag_words(tag: str) -> str:
    """How a part of a rule was checked."""
    return TAG_WORDS[tag]


@register.filter
def lookup(mapping: Mapping[str, Any], key: str) -> Any:
    """A value of a mapping, by a key that a variable holds."""
    return mapping.get(key, key)
