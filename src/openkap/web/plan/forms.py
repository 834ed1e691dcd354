"""The form by which a plan is changed: wishes and a closed set of edits. What is allowed is the room's to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from openkap.plan import words as plan_words
from openkap.plan.choices import Preferences
from openkap.plan.edits import MAY_CHANGE, Edit
from openkap.plan.library import dose_limits, modalities, regimens

LONGEST = 2000
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


@dataclass(frozen=True)
class SessionRow:
    """The fields by which one session is changed."""

    title: str
    what: BoundField
    day: BoundField
    reason: BoundField


class PlanForm(forms.Form):
    """
    Wishes for the next version, and changes laid over it.

    Args:
        sessions: (id, title, day) of sessions that may be moved or left out.
        unit: of the first dose; empty where there is no dose to change.
    """

    regimen = forms.ChoiceField(label=_("Regimen"), required=False, widget=forms.RadioSelect)
    routes = forms.MultipleChoiceField(
        label=_("Only these routes"), help_text=_("None ticked: all that the site has opened."), required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    modalities = forms.MultipleChoiceField(
        label=_("Therapies wished for"), required=False, widget=forms.CheckboxSelectMultiple
    )
    avoid = forms.MultipleChoiceField(label=_("To be avoided"), required=False, widget=forms.CheckboxSelectMultiple)
    start_low = forms.BooleanField(label=_("Start at the low end"), required=False)
    start_on = forms.DateField(label=_("First day"), required=False, widget=_DAY)
    dosing_weight_kg = forms.DecimalField(
        label=_("Dosing weight, kg"), help_text=_("Empty: the measured weight."), required=False, max_digits=6,
        decimal_places=2,
    )  # fmt: skip
    weight_reason = forms.CharField(label=_("Why another weight"), required=False, max_length=500)
    frequency_reason = forms.CharField(
        label=_("Reason for more doses in a week than usual (DOS-FREQ-1)"), required=False, max_length=500
    )
    dose = forms.DecimalField(label=_("First dose"), required=False, max_digits=7, decimal_places=3)
    dose_again = forms.DecimalField(label=_("First dose, typed again"), required=False, max_digits=7, decimal_places=3)
    dose_reason = forms.CharField(label=_("Why another first dose"), required=False, max_length=500)
    draft = forms.BooleanField(
        label=_("Print it although the verdict forbids a plan: a draft that can never be signed"), required=False
    )
    reason = forms.CharField(label=_("Why this version"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3}))
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, sessions: Sequence[tuple[str, str, int]], unit: str, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.sessions = sessions
        rows = [row for row in regimens().regimen if row.offered != "never"]
        named = [(row.id, f"{row.title} ({row.id})") for row in rows]
        ways = [(row.id, row.title) for row in modalities().modality]
        routes = [(name, plan_words.ROUTE_WORDS[name]) for name in dict.fromkeys(r.route for r in dose_limits().limit)]
        self._choices("regimen", [("", _("No wish: compare all that survive")), *named])
        self._choices("routes", routes)
        self._choices("modalities", ways)
        self._choices("avoid", [*ways, *routes, *named])
        if unit:
            self.fields["dose"].label = _("First dose, %(unit)s") % {"unit": unit}
            self.fields["dose"].help_text = _("Empty: as the template and the findings give it.")
        else:
            del self.fields["dose"], self.fields["dose_again"], self.fields["dose_reason"]
        for name, _title, _day in sessions:
            choices = [("keep", _("keep")), ("leave-out", _("leave out")), ("move", _("move to day"))]
            self.fields[f"{name}:what"] = forms.ChoiceField(
                label=_("Change"), choices=choices, initial="keep", required=False
            )
            self.fields[f"{name}:day"] = forms.IntegerField(label=_("Day"), required=False, min_value=0, max_value=999)
            self.fields[f"{name}:reason"] = forms.CharField(label=_("Why"), required=False, max_length=500)

    def clean_dose_again(self) -> Any:
        """An amount that is typed is typed twice (HAZ-09)."""
        again = self.cleaned_data["dose_again"]
        if self.cleaned_data.get("dose") != again:
            raise forms.ValidationError(_("The first dose was typed differently the second time: check both."))
        return again

    def _choices(self, name: str, choices: Sequence[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    @property
    def session_rows(self) -> list[SessionRow]:
        """For the template."""
        return [
            SessionRow(_("%(title)s, day %(day)s") % {"title": title, "day": day},
                       self[f"{name}:what"], self[f"{name}:day"], self[f"{name}:reason"])
            for name, title, day in self.sessions
        ]  # fmt: skip

    @property
    def preferences(self) -> Preferences:
        """What was wished."""
        said = self.cleaned_data
        reasons = {"DOS-FREQ-1": said["frequency_reason"], "dosing_weight_kg": said["weight_reason"]}
        return Preferences(
            regimen=said["regimen"] or None,
            routes=tuple(said["routes"]),
            modalities=tuple(said["modalities"]),
            avoid=tuple(said["avoid"]),
            start_low=said["start_low"],
            start_on=said["start_on"],
            dosing_weight_kg=said["dosing_weight_kg"],
            reasons={name: text.strip() for name, text in reasons.items() if text.strip()},
        )

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What was changed beyond the wishes."""
        said = self.cleaned_data
        found = []
        if said.get("dose") is not None:
            found.append(Edit(what="first-dose", amount=said["dose"], reason=said["dose_reason"].strip()))
        for name, _title, _day in self.sessions:
            what, reason = said[f"{name}:what"], said[f"{name}:reason"].strip()
            if what == "move":
                found.append(Edit(what="move", session=name, day=said[f"{name}:day"], reason=reason))
            elif what == "leave-out":
                found.append(Edit(what="leave-out", session=name, reason=reason))
        return tuple(found)


def changeable(document: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Sessions of a plan that may be moved or left out, those left out before included."""
    found = [(s["id"], s["title"], s["day"]) for s in document["programme"]["sessions"] if s["kind"] in MAY_CHANGE]
    gone = [e for e in document.get("edits", ()) if e["what"] == "leave-out"]
    return found + [(e["session"], e["title"], int(e["was"].removeprefix("day "))) for e in gone]


def initial(preferences: Mapping[str, Any], edits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The form as it says what a version was made from."""
    reasons = preferences.get("reasons", {})
    found: dict[str, Any] = {
        **{name: value for name, value in preferences.items() if name != "reasons"},
        "weight_reason": reasons.get("dosing_weight_kg", ""),
        "frequency_reason": reasons.get("DOS-FREQ-1", ""),
    }
    for edit in edits:
        if edit["what"] == "first-dose":
            found |= {"dose": edit["amount"], "dose_again": edit["amount"], "dose_reason": edit["reason"]}
        else:
            name = edit["session"]
            found |= {f"{name}:what": edit["what"], f"{name}:day": edit.get("day"), f"{name}:reason": edit["reason"]}
    return found
