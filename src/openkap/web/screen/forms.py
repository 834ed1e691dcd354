"""Forms by which people decide about findings and sign verdicts. What is allowed is the room's to say."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.screen.clearing import Way

LONGEST = 2000
REASONS = {
    "clearance": _("Why the hold no longer stands"),
    "reason": _("Why it cannot be had"),
    "mitigation": _("What was arranged"),
}


class DecideForm(forms.Form):
    """A decision about one finding; asks only for what its kind needs."""

    reason = forms.CharField(max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 4}))
    document = forms.CharField(
        label=_("Document"),
        help_text=_("Who wrote what, for example: letter of Dr Berg, cardiology."),
        max_length=300,
    )
    document_on = forms.DateField(
        label=_("Date of the document"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, way: Way, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name in list(self.fields):
            if name not in way.needs:
                del self.fields[name]
        self.fields["reason"].label = REASONS[way.kind]


class ReasonForm(forms.Form):
    """Why something is taken back."""

    reason = forms.CharField(
        label=_("Why it is taken back"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3})
    )


class SignForm(forms.Form):
    """Signing: the person's birth date, typed; the digest says what was read."""

    birth_date = forms.DateField(
        label=_("The person's date of birth, typed from the letter or the card"),
        help_text=_("Guards against the wrong person. Write it as 1960-03-27."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        input_formats=["%Y-%m-%d", "%d.%m.%Y", "%d %m %Y"],
    )
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
