"""Forms by which somebody leaves. What is allowed is the session's to say."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.people.types import Principal, Role

LONGEST = 1000
TRUTHS = ("true", "false", "unknown")


class AnswerForm(forms.Form):
    """One answer to one question."""

    item = forms.CharField(max_length=60)
    truth = forms.ChoiceField(choices=[(one, one) for one in TRUTHS])
    note = forms.CharField(max_length=300, required=False)


class DischargeForm(forms.Form):
    """Signing that every criterion is met: the person's birth date, typed."""

    birth_date = forms.DateField(
        label=_("The person's date of birth, asked once more and typed"),
        help_text=_("Guards against the wrong person. Write it as 1960-03-27."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        input_formats=["%Y-%m-%d", "%d.%m.%Y", "%d %m %Y"],
    )


class LeaveForm(DischargeForm):
    """Leaving before the criteria are met."""

    how = forms.ChoiceField(label=_("How"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Why the person leaves now"),
        help_text=_("What the person said, what was explained, who was there."),
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    advice_given = forms.BooleanField(
        label=_("The written advice was given to the person and to who takes them home"),
        error_messages={"required": _("Give the written advice first, then tick that it was given.")},
    )
    field_order = ["how", "reason", "advice_given", "birth_date"]

    def __init__(self, *args: Any, principal: Principal, **kwargs: Any):
        super().__init__(*args, **kwargs)
        ways = [("against advice", _("Against advice"))]
        if principal.has(Role.PRESCRIBER):
            ways.append(("prescriber agrees", _("I, the prescriber, agree to an early end")))
        self.fields["how"].choices = ways  # type: ignore[attr-defined]


class TransferForm(forms.Form):
    """Handing over to another place of care."""

    to = forms.CharField(
        label=_("Who takes the person over"),
        help_text=_("Place and name, for example: City hospital, emergency department, Dr Roe."),
        max_length=200,
    )
    reason = forms.CharField(label=_("Why"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3}))
