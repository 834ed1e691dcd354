"""The form of a private note."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.chart.services_private import LONGEST


class NoteForm(forms.Form):
    """A note in words."""

    text = forms.CharField(label=_("Note"), max_length=LONGEST, strip=False, widget=forms.Textarea(attrs={"rows": 10}))
