"""Forms of the door for devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.dose.models_device import Device
from openkap.web.dose.gate.forms import PersonForm


class SwitchForm(forms.Form):
    """Why the door is opened or shut."""

    reason = forms.CharField(
        label=_("Why, and which regulatory opinion is on file"),
        max_length=480,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class DeviceForm(forms.Form):
    """A device that may send."""

    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("As on its label, such as Monitor 3."))


class BindForm(PersonForm):
    """Which device is at this chair, and both identifiers as asked there."""

    device = forms.ChoiceField(label=_("Device at this chair"), widget=forms.RadioSelect)
    field_order = ("device", "name", "born")

    def __init__(self, *args: Any, devices: Sequence[Device], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.devices = {str(one.pk): one for one in devices}
        self.fields["device"].choices = [(pk, one.name) for pk, one in self.devices.items()]  # type: ignore[attr-defined]
