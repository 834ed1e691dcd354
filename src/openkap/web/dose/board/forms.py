"""Forms of the board."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.dose.services_wall import LONGEST_H


class WallForm(forms.Form):
    """Where a wall screen hangs, and until when it shows the board."""

    name = forms.CharField(label=_("Where it hangs"), max_length=60, help_text=_("Such as: corridor, nurses' desk."))
    hours = forms.IntegerField(label=_("For how many hours"), min_value=1, max_value=LONGEST_H)
