"""Forms on facts and records. They check shape only; what fits a fact is the vocabulary's to say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.chart.vocabulary import Fact
from openkap.kernel.quantity import Quantity, number, round_half_up

_LONGEST = 500
_PLACES = 3
KILOGRAM, POUND = "kg", "[lb_av]"


class BringForm(forms.Form):
    """A file from another system."""

    source = forms.CharField(
        label=_("Where it comes from"),
        help_text=_("The name of the clinic or system, always written alike."),
        max_length=200,
    )
    file = forms.FileField(label=_("File"), help_text=_("One FHIR R4 Bundle about one person, as JSON."))


class ReasonForm(forms.Form):
    """A reason in words."""

    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 3}))
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)


class TakeForm(forms.Form):
    """Whether a received file is this person's."""

    reason = forms.CharField(
        label=_("How you know that it is about this person"),
        max_length=_LONGEST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class SettleForm(ReasonForm):
    """Which of several sources holds."""

    keep = forms.ChoiceField(label=_("Which holds"), widget=forms.RadioSelect)
    field_order = ("keep", "reason", "version")

    def __init__(self, *args: Any, sources: list[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["keep"].choices = sources  # type: ignore[attr-defined]


class FactForm(forms.Form):
    """One fact as a clinician states it; the field of the value fits the fact."""

    on = forms.DateField(
        label=_("When it was so, or was found"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    note = forms.CharField(
        label=_("Note"), required=False, max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 2})
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, fact: Fact, why: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fact = fact
        self.fields["value"] = value_field(fact)
        if _is_weight(fact):
            self.fields["value"] = _number(f"{fact.question} ({KILOGRAM})", required=False)
            self.fields["pounds"] = _number(
                _("The scale shows pounds? Write lb here: kg are worked out, for you to compare"), required=False
            )
        elif fact.kind == "number" and fact.unit and fact.unit != "{score}":
            units = list(dict.fromkeys((fact.unit, *fact.units)))
            if len(units) > 1:
                self.fields["unit"] = forms.ChoiceField(label=_("Unit"), choices=[(u, u) for u in units])
            if fact.codes:
                self.fields["lower_limit"] = _number(_("Lower limit of the laboratory"), required=False)
                self.fields["upper_limit"] = _number(_("Upper limit of the laboratory"), required=False)
        if why:
            self.fields["reason"] = forms.CharField(
                label=_("Why it is corrected"), max_length=_LONGEST, widget=forms.Textarea(attrs={"rows": 2})
            )
        self.order_fields(["value", "pounds", "unit", "lower_limit", "upper_limit", "on", "note", "reason", "version"])

    def clean(self) -> dict[str, Any]:
        """A weight is filed in kg alone; pounds are shown in kg first, and both must say the same."""
        said = super().clean() or {}
        if "pounds" in self.fields and not self.errors:
            self._compare(said["value"], said["pounds"])
        return said

    def _compare(self, value: Decimal | None, pounds: Decimal | None) -> None:
        filed = None if pounds is None else round_half_up(Quantity(pounds, POUND).to(KILOGRAM).value, _PLACES)
        words = {
            name: number(n) for name, n in (("pounds", pounds), ("filed", filed), ("value", value)) if n is not None
        }
        if self.data.get(self.add_prefix("unit"), KILOGRAM) != KILOGRAM:
            self.add_error("value", _("This is entered in kg: write kg."))
        elif filed is None and value is None:
            self.add_error("value", _("The weight is empty: write what the scale shows."))
        elif filed is not None and value is None:
            self.data = {**self.data, self.add_prefix("value"): str(filed)}
            self.add_error("value", _("%(pounds)s lb are %(filed)s kg: compare with the scale, then save.") % words)
        elif filed is not None and value != filed:
            text = _("%(pounds)s lb are %(filed)s kg and not %(value)s kg: correct one of them.")
            self.add_error("value", text % words)

    @property
    def stated(self) -> dict[str, Any]:
        """What `statement` takes besides person and author."""
        said = self.cleaned_data
        value: Any = said["value"]
        if self.fact.repeats:
            value = tuple(value)
        elif self.fact.is_yes_no:
            value = value == "yes"
        return {
            "name": self.fact.id,
            "value": value,
            "on": said["on"],
            "unit": said.get("unit", ""),
            "upper_limit": said.get("upper_limit"),
            "lower_limit": said.get("lower_limit"),
            "note": " ".join(part for part in (self._read_as, said["note"]) if part),
        }

    @property
    def _read_as(self) -> str:
        pounds = self.cleaned_data.get("pounds")
        return "" if pounds is None else f"Read as {number(pounds)} lb."


def _is_weight(fact: Fact) -> bool:
    return fact.kind == "number" and fact.unit == KILOGRAM and POUND in fact.units


def value_field(fact: Fact) -> forms.Field:
    """The field in which a value of a fact is typed."""
    label = fact.question
    if fact.is_yes_no:
        return forms.ChoiceField(label=label, choices=[("yes", _("Yes")), ("no", _("No"))], widget=forms.RadioSelect)
    if fact.kind == "result":
        words = [("negative", _("Negative")), ("positive", _("Positive"))]
        return forms.ChoiceField(label=label, choices=words, widget=forms.RadioSelect)
    if fact.options:
        choices = [(option, option.replace("-", " ").replace("_", " ")) for option in fact.options]
        if fact.repeats:
            return forms.MultipleChoiceField(label=label, choices=choices, widget=forms.CheckboxSelectMultiple)
        return forms.ChoiceField(label=label, choices=choices, widget=forms.RadioSelect)
    if fact.kind == "date":
        return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    return _number(label + (f" ({fact.unit})" if fact.unit and fact.unit != "{score}" and len(fact.units) < 2 else ""))


def _number(label: Any, *, required: bool = True) -> forms.DecimalField:
    return forms.DecimalField(label=label, required=required, max_digits=9, decimal_places=_PLACES)


def as_typed(value: Any) -> Any:
    """A value of the vocabulary as the form shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Decimal | date | str):
        return value
    return getattr(value, "earliest", None)
