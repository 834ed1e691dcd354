"""Forms of the sealed envelope."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class OpenForm(forms.Form):
    """Who opens it, why, and the word in it."""

    name = forms.CharField(
        label=_("Your name"), max_length=80, help_text=_("First and family name; it stands under all you do.")
    )
    reason = forms.CharField(label=_("What is the emergency?"), max_length=300)
    word = forms.CharField(
        label=_("The word in the envelope"),
        max_length=64,
        help_text=_("Five groups of four. Dashes and capitals do not matter."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )


class PlaceForm(forms.Form):
    """Where the envelope lies."""

    place = forms.CharField(
        label=_("Where it lies"), max_length=80, help_text=_("Such as: resuscitation trolley, top drawer.")
    )


class NoteForm(forms.Form):
    """What came of an opening."""

    note = forms.CharField(label=_("What you found"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
