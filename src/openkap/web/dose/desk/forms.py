"""Forms on bookings. They check shape; what may be booked is the room's to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.dose.models import Chair
from openkap.dose.products import forms_for
from openkap.plan.types import DoseLimit
from openkap.web.dose.gate.forms import PersonForm

KINDS = [("course", _("Of the first course")), ("maintenance", _("Of a maintenance course")), ("", _("Not known yet"))]


class BookForm(forms.Form):
    """A day, what is given by which route, and the chair; nothing is chosen beforehand but what the plan says."""

    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    at = forms.TimeField(
        label=_("The dose begins at"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), required=True
    )
    given = forms.ChoiceField(label=_("Drug and route"), help_text=_("As the signed plan says."))
    kind = forms.ChoiceField(
        label=_("Which kind of session"), choices=KINDS, required=False, widget=forms.RadioSelect, initial="course"
    )
    planned = forms.ChoiceField(label=_("Session of the plan"), required=False)
    chair = forms.ChoiceField(label=_("Chair"), required=False)
    exception = forms.CharField(
        label=_("Why nearer to other doses than the interval allows"),
        help_text=_("Only where it is nearer. The gate asks for the decisions all the same."),
        max_length=500,
        required=False,
    )

    def __init__(
        self,
        *args: Any,
        limits: Sequence[DoseLimit],
        planned: Sequence[str],
        chairs: Sequence[Chair],
        prescribes: bool,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        if not prescribes:
            del self.fields["exception"]
        self.limits = {row.id: row for row in limits}
        self.chairs = {str(chair.pk): chair for chair in chairs}
        drugs = [(row.id, f"{row.title} ({forms_for(row.drug, row.route)})") for row in limits]
        choices: dict[str, list[tuple[str, Any]]] = {
            "given": [("", _("Choose")), *drugs],
            "planned": [("", _("None of the plan")), *((name, name) for name in planned)],
            "chair": [("", _("Chosen later")), *((pk, chair.name) for pk, chair in self.chairs.items())],
        }
        for name, rows in choices.items():
            self.fields[name].choices = rows  # type: ignore[attr-defined]

    @property
    def asked(self) -> dict[str, Any]:
        """What `services.book` takes."""
        said = self.cleaned_data
        limit = self.limits[said["given"]]
        return {
            "day": said["day"],
            "at": said["at"],
            "route": limit.route,
            "drug": limit.drug,
            "chair": self.chairs.get(said["chair"]),
            "plan_session": said["planned"],
            "maintenance": {"course": False, "maintenance": True}.get(said["kind"]),
            "exception": said.get("exception", ""),
        }


class PlaceForm(PersonForm):
    """Which chair; and where a patient is moved, both identifiers as asked there."""

    chair = forms.ChoiceField(label=_("Chair"), widget=forms.RadioSelect)
    field_order = ("chair", "name", "born")

    def __init__(self, *args: Any, chairs: Sequence[Chair], moves: bool, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not moves:
            del self.fields["name"], self.fields["born"]
        self.chairs = {str(chair.pk): chair for chair in chairs}
        self.fields["chair"].choices = [(pk, chair.name) for pk, chair in self.chairs.items()]  # type: ignore[attr-defined]


class ArriveForm(forms.Form):
    """The patient is here."""


class CancelForm(forms.Form):
    """No dose on this day, and why."""

    reason = forms.CharField(label=_("Why there is no session"), max_length=500)
