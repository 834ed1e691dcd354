"""Forms on content."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

MEANINGS = [
    ("reviewed and right for this site", _("I have read these rows and take them as right for this site.")),
    (
        "reviewed, right for this site, readings confirmed",
        _("I have read these rows, take them as right for this site, and confirm their readings."),
    ),
]
MARKS = [
    ("", _("any")),
    ("reading", _("with a reading to confirm")),
    ("unverified", _("with an unverified part")),
    ("retracted", _("with a retracted or corrected source")),
    ("overridden", _("with the site's own value")),
    ("settable", _("with a limit that a site may set")),
]
STATES = [
    ("", _("any")),
    ("open", _("to be signed")),
    ("unsigned", _("never signed")),
    ("changed", _("changed since signed")),
    ("overdue", _("past its review day")),
    ("signed", _("signed")),
]


class ShowForm(forms.Form):
    """Which rows are shown."""

    q = forms.CharField(label=_("Words"), required=False, max_length=100, widget=forms.TextInput({"type": "search"}))
    state = forms.ChoiceField(label=_("Signature"), choices=STATES, required=False)
    mark = forms.ChoiceField(label=_("Mark"), choices=MARKS, required=False)
    room = forms.ChoiceField(label=_("Room"), required=False)
    chapter = forms.ChoiceField(label=_("Chapter"), required=False)

    def __init__(self, *args: Any, rooms: list[str], chapters: list[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["room"].choices = [("", _("any")), *((room, room) for room in rooms)]  # type: ignore[attr-defined]
        self.fields["chapter"].choices = [("", _("any")), *chapters]  # type: ignore[attr-defined]


class SignForm(forms.Form):
    """What is said by signing, and until when it counts."""

    meaning = forms.ChoiceField(label=_("What you say by signing"), choices=MEANINGS, widget=forms.RadioSelect)
    review_by = forms.DateField(
        label=_("Counts until"),
        help_text=_("After this day the rows count as unsigned."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class ReasonForm(forms.Form):
    """Why, and what the person saw."""

    reason = forms.CharField(label=_("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    seen = forms.CharField(max_length=200, widget=forms.HiddenInput)


class LimitForm(ReasonForm):
    """The site's own value of a limit."""

    value = forms.CharField(label=_("The site's value"), max_length=40)
    field_order = ("value", "reason", "seen")
