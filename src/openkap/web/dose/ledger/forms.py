"""Forms of the drug ledger. They check shape and make whole micrograms; what may be is the room's to say."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from openkap.dose.ledger import Account, micrograms, milligrams
from openkap.dose.models_ledger import Lot
from openkap.dose.selectors_ledger import Held
from openkap.dose.services_ledger import Label
from openkap.kernel.quantity import DoseMg
from openkap.web.dose.ledger import words

Words = str | Promise
MOST_MG = Decimal(1_000_000)  # a kilogram; what is more was mistyped


def mg_field(label: Any, *, help_text: Any = "", required: bool = True) -> forms.DecimalField:
    """An amount in milligrams, to the microgram."""
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        required=required,
        min_value=Decimal(0),
        max_value=MOST_MG,
        decimal_places=3,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


def number_field(label: Any, *, help_text: Any = "", least: int = 1, required: bool = True) -> forms.IntegerField:
    """So many containers."""
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        required=required,
        min_value=least,
        max_value=100_000,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


def reason_field(label: Any, help_text: Any = "") -> forms.CharField:
    """Why, in a sentence."""
    return forms.CharField(label=label, help_text=help_text, max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


def ug(mg: Decimal) -> int:
    """Milligrams of a form in whole micrograms; three decimal places were asked for."""
    return micrograms(DoseMg(mg))


class ReceiveForm(forms.Form):
    """A delivery, read from the labels."""

    label = forms.CharField(
        label=_("Lot number"),
        help_text=_("As it stands on the label."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    drug = forms.ChoiceField(label=_("Drug"), choices=list(words.DRUGS.items()), widget=forms.RadioSelect)
    form = forms.ChoiceField(label=_("Form"), choices=list(words.FORMS.items()), widget=forms.RadioSelect)
    unit_mg = mg_field(_("One container holds, in mg"), help_text=_("The whole vial, lozenge or device."))
    per_ml = mg_field(
        _("Strength of a vial, in mg per mL"), help_text=_("Leave empty for a lozenge or device."), required=False
    )
    basis = forms.ChoiceField(
        label=_("The label counts"),
        help_text=_("Where a label gives both, take base. Nothing is converted here."),
        choices=list(words.BASES.items()),
        widget=forms.RadioSelect,
    )
    expires = forms.DateField(
        label=_("Last day of use"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    containers = number_field(_("How many containers came"))
    ref = forms.CharField(label=_("Delivery note or order form"), max_length=120)

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("form") == "vial" and "per_ml" in said and not said["per_ml"]:
            self.add_error("per_ml", _("The strength of the vial is not given: read it from the label, in mg per mL."))
        if said.get("form") in ("lozenge", "device") and said.get("per_ml"):
            self.add_error("per_ml", _("Only a liquid has a strength in mg per mL: leave it empty here."))
        if said.get("unit_mg") == 0:
            self.add_error("unit_mg", _("A container that holds nothing was mistyped: read the label again."))
        return said

    @property
    def lot(self) -> Label:
        said = self.cleaned_data
        per_ml = ug(said["per_ml"]) if said["per_ml"] else None
        return Label(
            said["label"], said["drug"], said["form"], ug(said["unit_mg"]), per_ml, said["basis"], said["expires"]
        )


class HomeForm(forms.Form):
    """Why doses may go home, or no longer may."""

    reason = reason_field(_("On which policy of the site, and since when"))


class SendHomeForm(forms.Form):
    """
    Whole containers for somebody to take home.

    Args:
        lots: (label, words) of what may go home.
    """

    lot = forms.ChoiceField(label=_("Lot"), widget=forms.RadioSelect)
    containers = number_field(_("How many whole lozenges or tablets"))
    born = forms.DateField(
        label=_("Birth date of this person"),
        help_text=_("Typed, to show whose supply this is."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, lots: Iterable[tuple[str, Words]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["lot"].choices = list(lots)  # type: ignore[attr-defined]


class ReturnForm(forms.Form):
    """What leaves the house to the supplier."""

    containers = number_field(_("How many whole containers"))
    ref = forms.CharField(
        label=_("To whom, and under which number"), help_text=_("Such as: supplier, return 4711."), max_length=120
    )


class RecallForm(forms.Form):
    """A recall locks the lot at once."""

    notice = reason_field(_("Whose notice, and its number or day"))


class ReasonForm(forms.Form):
    """Why."""

    reason = reason_field(_("Reason"))


class WasteForm(forms.Form):
    """What is wasted or lost, from where, and why."""

    kind = forms.ChoiceField(label=_("What happened"), choices=list(words.ASKABLE.items()), widget=forms.RadioSelect)
    source = forms.ChoiceField(label=_("From"), widget=forms.RadioSelect)
    mg = mg_field(_("How much, in mg"))
    reason = reason_field(_("Reason"), _("The second person reads it."))
    case = forms.ChoiceField(label=_("It explains this open case"), required=False)

    def __init__(self, *args: Any, held: Held, cases: Iterable[tuple[str, Words]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["source"].choices = [(key, text) for key, _account, text in sources(held)]  # type: ignore[attr-defined]
        self.accounts = {key: account for key, account, _text in sources(held)}
        choices = list(cases)
        if choices:
            self.fields["case"].choices = [("", _("none")), *choices]  # type: ignore[attr-defined]
        else:
            del self.fields["case"]

    @property
    def account(self) -> Account:
        return self.accounts[self.cleaned_data["source"]]

    @property
    def ug(self) -> int:
        return ug(self.cleaned_data["mg"])


def sources(held: Held) -> list[tuple[str, Account, Words]]:
    """From where drug can be wasted: key, account, words. What holds nothing is not among them."""
    found: list[tuple[str, Account, Words]] = [
        (f"vial:{id_}", Account("vial", id_), format_lazy(_("vial {id}: {mg} mg"), id=id_, mg=milligrams(ug_)))
        for id_, ug_ in held.vials
    ]
    found += [
        (
            f"drawn:{id_}",
            Account("drawn", id_),
            format_lazy(_("drawn for session {id}: {mg} mg"), id=id_[:8], mg=milligrams(ug_)),
        )
        for id_, ug_ in held.drawn
    ]
    if held.stock_ug:
        text = format_lazy(_("stock: {mg} mg"), mg=milligrams(held.stock_ug))
        found.append(("stock", Account("stock", held.lot.label), text))
    return found


def _drawn(id_: str, ug_: int) -> Words:
    return format_lazy(_("drawn for session {id}: {mg} mg"), id=id_[:8], mg=milligrams(ug_))


class UndoForm(forms.Form):
    """Why a posting was a mistake."""

    reason = reason_field(_("What was wrong with it"), _("The second person reads it."))
    case = forms.ChoiceField(label=_("It explains this open case"), required=False)

    def __init__(self, *args: Any, cases: Iterable[tuple[str, Words]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        choices = list(cases)
        if choices:
            self.fields["case"].choices = [("", _("none")), *choices]  # type: ignore[attr-defined]
        else:
            del self.fields["case"]


class CountForm(forms.Form):
    """
    What two people counted, lot by lot, without a balance in sight.

    A lot with both fields empty was not counted; one with one field filled is asked for the other.
    """

    moment = forms.ChoiceField(label=_("When"), choices=list(words.MOMENTS.items()), widget=forms.RadioSelect)
    inventory = forms.BooleanField(label=_("This is the inventory"), required=False)

    def __init__(self, *args: Any, lots: Iterable[Lot], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.lots = list(lots)
        for lot in self.lots:
            self.fields[f"whole-{lot.pk}"] = number_field(words.WHOLE[lot.form], least=0, required=False)
            self.fields[f"loose-{lot.pk}"] = mg_field(words.LOOSE[lot.form], required=False)

    def lines(self) -> list[dict[str, Any]]:
        """Each lot with its two fields, for the page."""
        return [{"lot": lot, "whole": self[f"whole-{lot.pk}"], "loose": self[f"loose-{lot.pk}"]} for lot in self.lots]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        found: dict[str, int] = {}
        for lot in self.lots:
            names = f"whole-{lot.pk}", f"loose-{lot.pk}"
            if not all(name in said for name in names):
                continue
            whole, loose = (said[name] for name in names)
            if (whole is None) is not (loose is None):
                missing = names[0] if whole is None else names[1]
                self.add_error(missing, _("One of the two is empty: write 0 where there is none."))
            elif whole is not None:
                found[lot.label] = whole * lot.unit_ug + ug(loose)
        if not found and not self.errors:
            self.add_error(None, _("No lot was counted: enter what there is of at least one, 0 where there is none."))
        self.counted = found
        return said


class NoticeForm(forms.Form):
    """The written notice of a theft or loss, as it was sent."""

    written_on = forms.DateField(label=_("Sent on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    to = forms.CharField(label=_("To which office"), max_length=200)
    form_106 = forms.CharField(
        label=_("Number of Form 106"), help_text=_("Leave empty until it was filed."), max_length=80, required=False
    )
