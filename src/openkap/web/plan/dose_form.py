"""The form in which a prescriber types a dose to see what it would do. It holds no default but the plan's own dose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.kernel.quantity import DoseMg, DoseMgPerKg
from openkap.pkpd.library import covariate, models, route_row, told
from openkap.plan.types import DoseLimit

INFUSED = ("iv", "im", "sc")
LONGEST_MIN = 1440


@dataclass(frozen=True)
class Asked:
    """
    A dose that somebody has typed.

    Args:
        limit: the row of its route and drug.
        amount: as it was typed, with its unit.
        duration: of an infusion, minutes; None for a dose at once.
        model: a set by id; empty: the default of the route.
        ancestry: as the clinician entered it, or empty.
        options: what sources disagree about and was asked for.
        start, leave: times of the clock, where they were typed.
    """

    limit: DoseLimit
    amount: DoseMg | DoseMgPerKg
    duration: Decimal | None
    model: str
    ancestry: str
    options: dict[str, bool]
    start: time | None
    leave: time | None


class DoseForm(forms.Form):
    """
    One dose by one route.

    Args:
        limits: the limit rows that may be chosen, each a route and a drug.
    """

    use_required_attribute = False  # a browser that holds an incomplete form back would leave the old curve standing

    given = forms.ChoiceField(
        label=_("Drug and route"), error_messages={"required": _("Drug and route: choose how it is given.")}
    )
    amount = forms.DecimalField(
        label=_("Amount"),
        max_digits=9,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={
            "required": _("Amount: type it."),
            "invalid": _("Amount: give a number with a point, such as 0.5; its unit is chosen beside it."),
            "max_digits": _("Amount: give a number of at most nine digits."),
            "max_whole_digits": _("Amount: give a number of at most nine digits."),
            "max_decimal_places": _("Amount: give at most four places after the point."),
        },
    )
    unit = forms.ChoiceField(
        label=_("Unit"),
        choices=[("mg", "mg"), ("mg/kg", "mg/kg")],
        widget=forms.RadioSelect,
        error_messages={"required": _("Unit: choose mg or mg/kg; a number alone is never a dose.")},
    )
    duration = forms.DecimalField(
        label=_("Duration, min"),
        help_text=_("Of an infusion. Empty by the other routes."),
        required=False,
        max_digits=6,
        decimal_places=1,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={
            "invalid": _("Duration: give minutes as a number, such as 40."),
            "max_digits": _("Duration: give at most 1440 minutes."),
            "max_whole_digits": _("Duration: give at most 1440 minutes."),
            "max_decimal_places": _("Duration: give at most one place after the point."),
        },
    )
    start = forms.TimeField(
        label=_("Starts at"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": _("Starts at: give a time such as 13:00.")},
    )
    leave = forms.TimeField(
        label=_("Hopes to leave at"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": _("Hopes to leave at: give a time such as 15:30.")},
    )
    model = forms.ChoiceField(label=_("Parameter set"), required=False)
    ancestry = forms.ChoiceField(
        label=_("Ancestry, as the person says"),
        help_text=_("One set, of the nasal spray and of doses by mouth, has terms for it. Never guessed."),
        required=False,
        choices=[("", _("not entered")), ("asian", _("Asian")), ("japanese", _("Japanese"))],
    )
    sex = forms.BooleanField(label=_("Count sex"), required=False)
    exponent = forms.BooleanField(label=_("Clearance by weight to a lower power"), required=False)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, limits: Sequence[DoseLimit], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.limits = {row.id: row for row in limits}
        named = [(row.id, row.title) for row in limits if route_row(row.route, row.drug)]
        for name, row in (("sex", "PKC-SEX"), ("exponent", "PKC-EXPONENT")):
            self.fields[name].help_text = told(covariate(row))
        self._choices("given", [("", _("Choose")), *named])
        self._choices(
            "model", [("", _("the default of the route")), *((m, f"{m}: {r.title}") for m, r in models().items())]
        )

    def _choices(self, name: str, choices: Sequence[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        limit = self.limits.get(said.get("given", ""))
        amount, duration = said.get("amount"), said.get("duration")
        if amount is not None and amount <= 0:
            self.add_error("amount", _("Amount: give more than nought."))
        if duration is not None and not 0 <= duration <= LONGEST_MIN:
            self.add_error("duration", _("Duration: give from 0 to 1440 minutes."))
        if limit and duration and limit.route not in INFUSED:
            self.add_error("duration", _("Duration is for infusions: leave it empty by this route."))
        if limit and limit.route == "nasal" and amount is not None and amount > 0:
            self._whole_devices(amount, said.get("unit", ""))
        start, leave = said.get("start"), said.get("leave")
        if leave and not start:
            self.add_error("start", _("Starts at: give it too, to reckon the time to leave from it."))
        if start and leave and leave <= start:
            self.add_error("leave", _("Hopes to leave at: give a time after the start."))
        return said

    def _whole_devices(self, amount: Decimal, unit: str) -> None:
        device = covariate("PKC-SESSION").numbers["device_mg"]
        if unit == "mg/kg":
            self.add_error("unit", _("Unit: the nasal spray is dosed in mg; choose mg."))
        elif amount % device:
            sentence = _("Amount: give whole devices of %(mg)s mg each, such as %(two)s.")
            self.add_error("amount", sentence % {"mg": device, "two": 2 * device})

    @property
    def asked(self) -> Asked:
        """What was typed, once the form is valid."""
        said = self.cleaned_data
        kind = DoseMg if said["unit"] == "mg" else DoseMgPerKg
        return Asked(
            limit=self.limits[said["given"]],
            amount=kind(said["amount"]),
            duration=said["duration"] or None,
            model=said["model"],
            ancestry=said["ancestry"],
            options={name: said[name] for name in ("sex", "exponent")},
            start=said["start"],
            leave=said["leave"],
        )


def initial(document: Mapping[str, Any] | None, limits: Sequence[DoseLimit], version: int) -> dict[str, Any]:
    """The plan's own first dose, so that what the page shows is what the plan says."""
    regimen = document["regimen"] if document else None
    if not regimen:
        return {"version": version}
    row = next(row for row in limits if (row.route, row.drug) == (regimen["route"], regimen["drug"]))
    dose = regimen["dose"]
    return {
        "given": row.id,
        "amount": dose["mg_per_kg"] if dose["unit"] == "mg/kg" else dose["mg"],
        "unit": dose["unit"],
        "duration": dose["duration_min"] if row.route in INFUSED else None,
        "version": version,
    }
