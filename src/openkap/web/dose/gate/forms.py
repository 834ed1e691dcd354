"""What is asked at the gate. Shape only: what passes is the gate's to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.chart.fhir.statement import Author, statement
from openkap.chart.vocabulary import Fact
from openkap.kernel.quantity import unit_words
from openkap.kernel.truth import Truth
from openkap.web.chart.forms import value_field

ANSWERS = [("true", _("Yes")), ("false", _("No")), ("unknown", _("Not known"))]


class PersonForm(forms.Form):
    """Two identifiers, as the patient says them."""

    name = forms.CharField(
        label=_("Full name, as the patient says it"),
        max_length=400,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    born = forms.DateField(
        label=_("Birth date, as the patient says it"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class FactsForm(forms.Form):
    """Facts of the day that rules wait for; each is answered or left open."""

    def __init__(self, *args: Any, facts: Sequence[Fact], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.facts = {fact.id: fact for fact in facts}
        for fact in facts:
            field = value_field(fact)
            field.required = False
            if fact.kind == "number" and fact.unit and fact.unit != "{score}":
                field.label = f"{fact.question} ({unit_words(fact.unit)})"
            self.fields[fact.id] = field

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if not self.errors and not any(value not in (None, "", []) for value in said.values()):
            raise forms.ValidationError(_("Nothing is answered: answer at least one question, then save."))
        return said

    def statements(self, patient_id: str, on: date, author: Author) -> list[dict[str, Any]]:
        """A resource for each fact that was answered. Raises UserError for a value that does not fit."""
        found = []
        for name, value in self.cleaned_data.items():
            if value in (None, "", []):
                continue
            fact = self.facts[name]
            said: Any = tuple(value) if fact.repeats else value == "yes" if fact.is_yes_no else value
            found.append(statement(patient_id, name, said, on, author, unit=fact.unit or ""))
        return found


class AnswerForm(forms.Form):
    """One confirmation by one person."""

    item = forms.CharField(widget=forms.HiddenInput)
    truth = forms.ChoiceField(choices=ANSWERS)
    number = forms.DecimalField(required=False, max_digits=3, decimal_places=0)
    note = forms.CharField(required=False, max_length=500)

    @property
    def asked(self) -> dict[str, Any]:
        said = self.cleaned_data
        number: Decimal | None = said["number"]
        return {"name": said["item"], "truth": Truth(said["truth"]), "note": said["note"], "number": number}


class DecideForm(forms.Form):
    """A written decision on one line."""

    row = forms.CharField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("What you decide, and why"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )


class LiftForm(forms.Form):
    """Why a hold no longer stands."""

    hold = forms.CharField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why the hold no longer stands"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )
