"""What the chart says of the person for whom a dose is looked at; what it does not say stays unknown and is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.chart.types import Interval, State
from openkap.chart.view import View, show
from openkap.chart.vocabulary import fact_of, ingredients
from openkap.pkpd.library import agents_taken, covariate, say
from openkap.pkpd.types import Subject
from openkap.web import words
from openkap.web.parts import AskRow, Words

SEXES = {"F": "female", "M": "male"}
ENZYMES = ("cyp-inhibitor", "inducing-anticonvulsant")  # classes of medicines.toml that act on what clears ketamine
UNKNOWN_CHANGES: dict[str, Words] = {
    "weight": gettext_lazy("Without it no amount per kg is known, and most sets give no curve."),
    "birth-date": gettext_lazy("Without it nobody can tell whether this person lies in the range of the set."),
    "liver-disease": gettext_lazy("The curve is that of a healthy liver."),
    "child-pugh": gettext_lazy(
        "The curve is that of a healthy liver; B raises exposure, and for C nothing is computed."
    ),
    "pregnant": gettext_lazy("No set was fitted in pregnancy."),
    "medication-list": gettext_lazy("A medicine that nobody listed is not in the curve."),
}


@dataclass(frozen=True)
class Person:
    """
    The person as a simulation takes them.

    Args:
        subject: what is known, None where it is not.
        weight: measured, kg; dosing_weight: that which amounts per kg are multiplied with, kg.
        agents: interacting agents among the current medicines.
        known: (what, value with its date) of all that the curve uses.
        ask: what is not known, what it changes, why.
        notes: sentences about medicines that the curve leaves out.
        refusal: why nothing can be computed for this person; empty where it can.
    """

    subject: Subject
    weight: Decimal | None
    dosing_weight: Decimal | None
    agents: tuple[str, ...]
    known: tuple[tuple[Words, str], ...]
    ask: tuple[AskRow, ...]
    notes: tuple[str, ...]
    refusal: str


def person_of(view: View, chosen_kg: Decimal | None = None, ancestry: str | None = None) -> Person:
    """
    Read a chart for a simulation.

    Args:
        view: the chart on the day.
        chosen_kg: the dosing weight that the plan's wishes name.
        ancestry: as the clinician entered it; never read from the chart.
    """
    states = {name: view.state(name) for name in ("weight", "height", "age", "birth-sex", "medication-list")}
    liver, grade = view.state("liver-disease"), view.state("child-pugh")
    sick = liver.status == "known" and liver.value is True
    weight, age = _number(states["weight"]), _age(states["age"])
    taken = {name for medicine in view.current_medicines() for name in medicine.ingredients}
    classes = {group for name in taken if name in ingredients() for group in ingredients()[name].classes}
    agents = agents_taken(taken | classes)
    values: dict[str, Any] = {
        "weight_kg": _float(weight),
        "height_cm": _float(_number(states["height"])),
        "age_y": _float(age),
        "sex": SEXES.get(str(states["birth-sex"].value)),
        "ancestry": ancestry or None,
        "child_pugh": grade.value if grade.status == "known" else None,
    }
    known = [(_("Weight"), _said(states["weight"])), (_("Age"), _said(states["age"]))]
    known += [(_("Height"), _said(states["height"])), (_("Birth sex"), _said(states["birth-sex"]))]
    known.append(
        (_("Liver"), _said(grade) if sick else _("no liver disease") if liver.status == "absent" else _said(liver))
    )
    known.append((_("Medicines that interact"), ", ".join(agents) or _("none recorded")))
    if chosen_kg is not None:
        known.insert(1, (_("Dosing weight"), _("%(kg)s kg, chosen by the prescriber") % {"kg": chosen_kg.normalize()}))
    return Person(
        subject=Subject(**values),
        weight=weight,
        dosing_weight=chosen_kg if chosen_kg is not None else weight,
        agents=agents,
        known=tuple(known),
        ask=tuple(_asked(view, liver, grade, sick=sick)),
        notes=tuple(_left_out(view, agents)),
        refusal=_refusal(view),
    )


def _asked(view: View, liver: State, grade: State, *, sick: bool) -> Iterable[AskRow]:
    wanted = {"weight": view.state("weight"), "birth-date": view.state("age"), "liver-disease": liver}
    if sick:
        wanted["child-pugh"] = grade
    could = view.state("birth-sex").value != "M" and view.state("could-become-pregnant").status != "absent"
    if could:
        wanted["pregnant"] = view.state("pregnant")
    wanted["medication-list"] = view.state("medication-list")
    for name, state in wanted.items():
        if not state.settled or isinstance(state.value, Interval):
            question = fact_of(name).question or words.sentence(fact_of(name).words)
            why = f"{words.sentence(words.plain(state.reason or _said(state)))} {UNKNOWN_CHANGES[name]}"
            yield AskRow(question, why)


def _left_out(view: View, agents: tuple[str, ...]) -> Iterable[str]:
    """Medicines that act on the same enzymes and have no row in the table of trials."""
    found = {m.text or " and ".join(m.ingredients): m for group in ENZYMES for m in view.current_medicines(group)}
    for name, medicine in found.items():
        if not set(agents_taken(medicine.ingredients)) & set(agents):
            yield say("PKW-ENZYME", medicine=name)


def _refusal(view: View) -> str:
    if view.state("pregnant").value is True:
        return _("Pregnancy is recorded, and no set was fitted in pregnancy: nothing is computed.")
    return ""


def _number(state: State) -> Decimal | None:
    return state.value if state.status == "known" and isinstance(state.value, Decimal) else None


def _age(state: State) -> Decimal | None:
    """Years; of a birth year alone only what no reading of it would let into the range of the sets (PKC-RANGE)."""
    if state.status == "known" and isinstance(state.value, Interval):
        row = covariate("PKC-RANGE").numbers
        outside = (state.value.high < row["age_min"], state.value.low > row["age_max"])
        return state.value.high if outside[0] else state.value.low if outside[1] else None
    return _number(state)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _said(state: State) -> str:
    if state.settled:
        return words.plain(show(state))
    return _("not known") + (f": {words.plain(state.reason)}" if state.reason else "")
