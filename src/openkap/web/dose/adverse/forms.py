"""Adverse events: what a person enters. Words of the lists come from content."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from openkap.dose.adverse import Adverse
from openkap.dose.library import shipped
from openkap.dose.services_adverse import terms

NONE = "none"
LONGEST = 1000
RELATIONS = {
    "not assessed": _("Not assessed"),
    "unrelated": _("Unrelated"),
    "unlikely": _("Unlikely"),
    "possible": _("Possible"),
    "probable": _("Probable"),
    "definite": _("Definite"),
}


class EventForm(forms.Form):
    """One event, as far as it is known; what is left empty stays not known."""

    text = forms.CharField(
        label=_("What happened"), required=False, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3})
    )
    term = forms.ChoiceField(label=_("Term of the list"), required=False)
    grade = forms.TypedChoiceField(
        label=_("Grade"), required=False, coerce=int, empty_value=None, widget=forms.RadioSelect
    )
    onset_min = forms.IntegerField(
        label=_("Began, minutes from the start of the dose"),
        help_text=_("Empty: not known. Below 0: before the dose."),
        required=False,
        min_value=-1440,
        max_value=100_000,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    resolved_min = forms.IntegerField(
        label=_("Was over, minutes from the start of the dose"),
        help_text=_("Empty: not over, or not known."),
        required=False,
        min_value=-1440,
        max_value=100_000,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    relation = forms.ChoiceField(label=_("Related to the drug"), choices=list(RELATIONS.items()))
    action = forms.CharField(
        label=_("What was done"), required=False, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 2})
    )
    serious = forms.MultipleChoiceField(
        label=_("What makes it serious"),
        help_text=_("Nothing ticked: not asked yet, and it counts as that."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reason = forms.CharField(
        label=_("Why a reviewed event is changed"),
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, reviewed: bool = False, new: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        listed = sorted(terms().values(), key=lambda row: row.term)
        grades, serious = shipped().adverse.grade, shipped().adverse.serious
        choices: dict[str, list[tuple[str, Any]]] = {
            "term": [("", _("not chosen yet")), *((row.id, row.term) for row in listed)],
            "grade": [(str(row.grade), f"{row.grade} {row.title}: {row.text}") for row in grades],
            "serious": [(NONE, _("Asked: none of these")), *((row.name, row.title) for row in serious)],
        }
        for name, those in choices.items():
            self.fields[name].choices = those  # type: ignore[attr-defined]
        if not reviewed:
            del self.fields["reason"]
        if new:
            del self.fields["version"]

    def clean_serious(self) -> tuple[str, ...] | None:
        """The kinds that hold; empty if asked and none; None if nobody asked."""
        said = self.cleaned_data["serious"]
        if NONE in said and len(said) > 1:
            raise ValidationError(_("Either none of these, or those that hold: untick one of them."))
        return None if not said else tuple(one for one in said if one != NONE)

    def clean_term(self) -> str | None:
        """A term of the list, or None."""
        return self.cleaned_data["term"] or None

    @property
    def event(self) -> dict[str, Any]:
        """What was entered of the event itself."""
        return {
            name: value for name, value in self.cleaned_data.items() if name not in ("reason", "version", "session")
        }


class NewEventForm(EventForm):
    """An event by hand: of which session it is said too."""

    session = forms.ChoiceField(label=_("Session"))
    field_order = ["session", "text"]

    def __init__(self, *args: Any, sessions: list[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, new=True, **kwargs)
        self.fields["session"].choices = sessions  # type: ignore[attr-defined]


class ReviewForm(forms.Form):
    """The review: what was found."""

    words = forms.CharField(
        label=_("What you found, and whether a further dose may be given"),
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


def initial(event: Adverse) -> dict[str, Any]:
    """The fields of an event as it stands."""
    serious = [NONE] if event.serious == () else list(event.serious or ())
    return {
        "text": event.text,
        "term": event.term or "",
        "grade": event.grade,
        "onset_min": event.onset_min,
        "resolved_min": event.resolved_min,
        "relation": event.relation,
        "action": event.action,
        "serious": serious,
        "version": event.version,
    }
