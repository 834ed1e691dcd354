"""The order and the dose, as they are typed. Shape only: limits, rounding and checks are the room's."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

OTHER = "other"
ENDS = [("spat out", _("Spat out")), ("swallowed", _("Swallowed")), ("not known", _("Not known"))]
_DECIMAL = {"inputmode": "decimal", "autocomplete": "off"}


def _number(label: Any, *, required: bool = True, places: int = 4, help_text: Any = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=required,
        help_text=help_text,
        min_value=0,
        max_digits=9,
        decimal_places=places,
        widget=forms.TextInput(attrs=_DECIMAL),
    )


class OrderForm(forms.Form):
    """
    An amount, how long, and the birth date that shows whose order it is.

    Args:
        options: (value, words) of the amounts that the signed plan proposes; infused: it takes a duration.
        by_weight: the route's dose goes by mg/kg.
        further: a further dose in the session, which needs a reason.
    """

    amount = forms.ChoiceField(label=_("Amount"), widget=forms.RadioSelect)
    typed = _number(_("Another amount"), required=False)
    typed_again = _number(_("The same amount again"), required=False)
    duration = _number(_("Over how many minutes"), required=False, places=0)
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )
    born = forms.DateField(
        label=_("Birth date of this person"),
        help_text=_("Typed, to show whose order this is."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(
        self, *args: Any, options: Sequence[tuple[str, str]], infused: bool, by_weight: bool, further: bool, **kw: Any
    ):
        super().__init__(*args, **kw)
        unit = "mg/kg" if by_weight else "mg"
        choices = [*options, (OTHER, _("Another amount, typed twice"))]
        self.fields["amount"].choices = choices  # type: ignore[attr-defined]
        for name in ("typed", "typed_again"):
            self.fields[name].label = f"{self.fields[name].label} ({unit})"
        if not infused:
            del self.fields["duration"]
        else:
            self.fields["duration"].required = True
        if not further:
            del self.fields["reason"]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("amount") == OTHER and not self.errors:
            if said.get("typed") is None:
                self.add_error("typed", _("Another amount: type it, or choose one of the plan's."))
            elif said.get("typed_again") is None:
                self.add_error("typed_again", _("The same amount again: type it a second time."))
            elif said["typed"] != said["typed_again"]:
                self.add_error("typed_again", _("The two amounts differ: type the same one twice."))
        return said

    @property
    def chosen(self) -> tuple[Decimal, bool]:
        """The number, and whether it was typed."""
        said = self.cleaned_data
        if said["amount"] == OTHER:
            return said["typed"], True
        return Decimal(said["amount"]), False


class DrawForm(forms.Form):
    """What it is drawn from."""

    lot = forms.ChoiceField(label=_("Lot"), widget=forms.RadioSelect)
    step_ml = _number(_("Smallest step of the syringe, mL"), help_text=_("As printed on it, such as 0.01."))

    def __init__(self, *args: Any, lots: Sequence[tuple[str, str]], liquid: bool, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["lot"].choices = lots  # type: ignore[attr-defined]
        if not liquid:
            del self.fields["step_ml"]


class CheckForm(forms.Form):
    """A second person reads the strength off the vial."""

    per_ml = _number(
        _("Strength on the vial, mg/mL"), help_text=_("Read it off the vial in the hand; it is shown nowhere.")
    )

    def __init__(self, *args: Any, liquid: bool, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not liquid:
            del self.fields["per_ml"]


class StartForm(forms.Form):
    """The order on the screen; whoever starts it has it in the hand."""

    order = forms.CharField(widget=forms.HiddenInput)
    version = forms.IntegerField(widget=forms.HiddenInput)
    step = forms.IntegerField(widget=forms.HiddenInput)
    printed = forms.IntegerField(
        label=_("Version on the printed sheet"),
        help_text=_(
            "Only if you work from a sheet: it stands there beside the order. Empty: you read it on this screen."
        ),
        required=False,
        min_value=1,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={
            "invalid": _("Version on the printed sheet: type the number beside the order, such as 2."),
            "min_value": _("Version on the printed sheet: type the number beside the order, such as 2."),
        },
    )

    @property
    def read(self) -> int:
        """The version that the person who begins the dose has read: on the sheet if there is one, else here."""
        return int(self.cleaned_data["printed"] or self.cleaned_data["version"])


class FinishForm(forms.Form):
    """That all of it was given; a lozenge says how long it was held and what became of the rest."""

    held_min = _number(_("Held in the mouth, minutes"), places=0)
    ended = forms.ChoiceField(label=_("What became of the rest"), choices=ENDS, widget=forms.RadioSelect)

    def __init__(self, *args: Any, lozenge: bool, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not lozenge:
            del self.fields["held_min"], self.fields["ended"]


class StopForm(forms.Form):
    """The drug is ended early."""

    given_mg = _number(
        _("Given so far, mg"), places=3, help_text=_("As the pump shows, or from what is left in the syringe.")
    )
    reason = forms.CharField(label=_("Why it is stopped"), max_length=500)


class ReasonForm(forms.Form):
    """A reason in words."""

    reason = forms.CharField(label=_("Why it is paused"), max_length=500)


class RateForm(forms.Form):
    """The rate of the pump."""

    rate = _number(_("Rate, mL/h"))
