"""Whose file it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.people.models import Patient
from openkap.web.identity import full_name


class WhoForm(forms.Form):
    """One of those who are here, somebody new, or nobody's; nothing is preselected."""

    who = forms.ChoiceField(label=_("Who is it about?"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("How you know, or why it is set aside"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, candidates: Iterable[Patient], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.candidates = {str(patient.pk): patient for patient in candidates}
        here = [
            (key, f"{full_name(p)}, {p.birth_date.isoformat()}, {p.record_number}")
            for key, p in self.candidates.items()
        ]
        last = [("new", _("Somebody new: register")), ("nobody", _("Nobody here: set the file aside"))]
        self.fields["who"].choices = [*here, *last]  # type: ignore[attr-defined]
