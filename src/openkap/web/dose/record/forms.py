"""The note of a session, and what came up in it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.web.dose.leave.forms import DischargeForm


class NoteForm(DischargeForm):
    """Sign the note: its text as corrected, a reason where one was signed before, the birth date."""

    text = forms.CharField(
        label=_("The note"),
        help_text=_("Written by the record. Correct what is wrong: what you change is shown against it for good."),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 16}),
    )
    reason = forms.CharField(label=_("Why the signed note is changed"), max_length=1000)
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    field_order = ["text", "reason", "birth_date"]

    def __init__(self, *args: Any, signed: bool, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not signed:
            del self.fields["reason"]


class ThemeForm(forms.Form):
    """One theme, image or part that came up."""

    text = forms.CharField(
        label=_("What came up: an image, a theme, a part"),
        help_text=_("It stands in the record of the session, which the team reads. Notes for you alone are elsewhere."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
