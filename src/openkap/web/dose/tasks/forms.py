"""Closing a task."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.dose.services_after import LONGEST_OUTCOME


class CloseForm(forms.Form):
    """What came of it."""

    outcome = forms.CharField(
        label=_("What came of it"),
        help_text=_("Who was spoken to and how they are, or that nobody could be reached and what is done next."),
        max_length=LONGEST_OUTCOME,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
