"""What is entered about somebody's use of the drug. Shape only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

RESULTS = [
    ("clear", _("Nothing found")),
    ("found", _("Something was found")),
    ("unsure", _("Not answered, or not done")),
]
SIGNS = [
    ("earlier", _("Asked for a dose earlier than planned")),
    ("higher", _("Asked for a higher dose")),
    ("lost", _("Said that a supply was lost or stolen")),
]


def _on(label: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


def _words(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))


class ScreenForm(forms.Form):
    """A screen that was done."""

    screen = forms.ChoiceField(label=_("Screen"), widget=forms.RadioSelect)
    result = forms.ChoiceField(label=_("What came of it"), choices=RESULTS, widget=forms.RadioSelect)
    on = _on(_("Day it was done"))
    text = _words(_("What was asked and found"), _("With the score, where one was taken."))

    def __init__(self, *args: Any, screens: Sequence[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["screen"].choices = screens  # type: ignore[attr-defined]


class SignForm(forms.Form):
    """A request, or a loss."""

    sign = forms.ChoiceField(label=_("What happened"), choices=SIGNS, widget=forms.RadioSelect)
    on = _on(_("Day it happened"))
    text = _words(_("In what words"))


class ReviewForm(forms.Form):
    """A prescriber's review."""

    seen = forms.IntegerField(widget=forms.HiddenInput)
    text = _words(_("What you think of it, and what follows"))
