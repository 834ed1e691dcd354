"""Readings from paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from openkap.dose.protocol import Measure
from openkap.kernel.quantity import number, unit_words
from openkap.web.dose.chair.shown import SHORT, in_order


class LaterForm(forms.Form):
    """
    One line of the sheet: when, and what was read.

    Args:
        measures: what is read in the session.
    """

    at = forms.TimeField(
        label=gettext_lazy("Time it was taken, by the clock"),
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(format="%H:%M", attrs={"placeholder": "09:22", "inputmode": "numeric"}),
        error_messages={
            "required": gettext_lazy("Time: write when it was taken, such as 09:22."),
            "invalid": gettext_lazy("Time: write hours and minutes, such as 09:22."),
        },
    )
    seen_by = forms.CharField(label=gettext_lazy("Who read it, if it was not you"), max_length=200, required=False)

    def __init__(self, *args: Any, measures: Mapping[str, Measure], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._measures = in_order(measures)
        for one in self._measures:
            title = str(SHORT.get(one.name, one.title))
            unit = "" if one.unit == "{score}" else f", {unit_words(one.unit)}"
            between = _("%(what)s: write a number from %(least)s to %(most)s.") % {
                "what": title,
                "least": number(one.least),
                "most": number(one.most),
            }
            self.fields[one.name] = forms.DecimalField(
                label=f"{title}{unit}",
                required=False,
                min_value=one.least,
                max_value=one.most,
                widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
                error_messages={"invalid": between, "min_value": between, "max_value": between},
            )
        self.order_fields(["at", *(one.name for one in self._measures), "seen_by"])

    def values(self) -> Iterator[tuple[str, Decimal]]:
        """What was filled in."""
        for one in self._measures:
            value = self.cleaned_data.get(one.name)
            if value is not None:
                yield one.name, value

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not self.errors and not any(found.get(one.name) is not None for one in self._measures):
            raise forms.ValidationError(_("No reading is filled in: write at least one."))
        return found
