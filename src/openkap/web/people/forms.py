"""Forms about people. They check shape; what is allowed is the services' to say."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.people.models import Patient, User
from openkap.people.services import Identity
from openkap.people.types import STAFF, Role
from openkap.web import words
from openkap.web.words import ROLES


def _reason(label: Any, rows: int = 2) -> forms.CharField:
    return forms.CharField(label=label, max_length=300, widget=forms.Textarea(attrs={"rows": rows}))


def _day(label: Any, **more: Any) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **more)


class InviteForm(forms.Form):
    """A new account of staff."""

    name = forms.CharField(label=_("Name"), help_text=_("As it should stand under a signature."), max_length=200)
    email = forms.EmailField(label=_("E-mail address"), help_text=_("For signing in; nothing is sent to it."))
    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        choices=[(role.value, ROLES[role]) for role in sorted(STAFF)],
        widget=forms.CheckboxSelectMultiple,
    )


class RoleForm(forms.Form):
    """One role to give or to take."""

    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, offered: list[Role], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(role.value, ROLES[role]) for role in offered]  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """Why."""

    reason = _reason(_("Reason"))


class ContactForm(forms.Form):
    """Whom a patient calls in a crisis."""

    crisis_name = forms.CharField(label=_("Who answers"), max_length=200)
    crisis_phone = forms.CharField(
        label=_("Telephone"), max_length=40, widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"})
    )
    crisis_note = forms.CharField(
        label=_("Note"), help_text=_("Such as the hours; leave empty if at any hour."), max_length=300, required=False
    )
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)


class IdentityForm(forms.Form):
    """Who a patient is."""

    family = forms.CharField(label=_("Family name"), max_length=200, required=False)
    given = forms.CharField(label=_("Given name"), max_length=200, required=False)
    birth_date = _day(_("Birth date"))
    birth_sex = forms.ChoiceField(
        label=_("Sex at birth"),
        choices=[("unknown", _("not known")), ("female", _("female")), ("male", _("male"))],
        widget=forms.RadioSelect,
        initial="unknown",
    )
    pronouns = forms.CharField(
        label=_("Pronouns"),
        help_text=_("As the person says, such as she/her; empty if nobody has asked."),
        required=False,
        max_length=60,
    )
    identifiers = forms.CharField(
        label=_("Numbers in other systems"),
        help_text=_("One a line: the system, a space, the number."),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_identifiers(self) -> tuple[tuple[str, str], ...]:
        found = []
        for line in self.cleaned_data["identifiers"].splitlines():
            system, space, number = line.strip().rpartition(" ")
            if not line.strip():
                continue
            if not space or len(system) > 255 or len(number) > 255:
                raise forms.ValidationError(_("One line has no system or no number: write both, with a space between."))
            found.append((system.strip(), number))
        return tuple(found)

    @property
    def identity(self) -> Identity:
        return Identity(**{name: self.cleaned_data[name] for name in _IDENTITY})


_IDENTITY = ("family", "given", "birth_date", "birth_sex", "pronouns", "identifiers")


class RegisterForm(IdentityForm):
    """A new patient."""

    another = forms.BooleanField(label=_("This is another person than those above"), required=False)


class AmendForm(IdentityForm):
    """A correction of who a patient is."""

    reason = _reason(_("Why it is corrected"))
    version = forms.IntegerField(widget=forms.HiddenInput)


def as_typed(patient: Patient) -> dict[str, Any]:
    """What a correction begins with."""
    pairs = patient.identifiers.order_by("system", "value").values_list("system", "value")
    return {
        "family": patient.family,
        "given": patient.given,
        "birth_date": patient.birth_date,
        "birth_sex": patient.birth_sex,
        "pronouns": patient.pronouns or "",
        "identifiers": "\n".join(f"{system} {value}" for system, value in pairs),
        "version": patient.version,
    }


class PhotoForm(forms.Form):
    """A photo of a patient."""

    photo = forms.FileField(
        label=_("Photo"),
        help_text=_("JPEG or PNG, upright, at most 2 MB. What it says of place and time is not kept."),
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png"}),
    )


class AssignForm(forms.Form):
    """A clinician who is to care for a patient."""

    user = forms.ModelChoiceField(label=_("Clinician"), queryset=User.objects.none(), empty_label=_("choose"))

    def __init__(self, *args: Any, offered: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = offered  # type: ignore[attr-defined]
        self.fields["user"].label_from_instance = lambda user: user.name  # type: ignore[attr-defined]


class EmergencyForm(forms.Form):
    """Which record, and why."""

    record_number = forms.CharField(label=_("Record number"), max_length=32)
    birth_date = _day(_("Birth date"))
    reason = _reason(_("What the emergency is"), rows=3)


class TrailForm(forms.Form):
    """What of the audit trail is shown."""

    user = forms.UUIDField(label=_("Who"), required=False)
    patient = forms.UUIDField(required=False, widget=forms.HiddenInput)
    type = forms.ChoiceField(label=_("What"), required=False)
    outcome = forms.ChoiceField(
        label=_("Outcome"),
        required=False,
        choices=[("", _("any")), ("success", _("success")), ("denied", _("denied")), ("failure", _("failure"))],
    )
    first = _day(_("From"), required=False)
    last = _day(_("Until"), required=False)
    before = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, people: list[tuple[str, str]], types: list[str], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["user"].widget = forms.Select(choices=[("", _("anybody")), *people])
        self.fields["type"].choices = [("", _("anything")), *((t, words.event(t)) for t in types)]  # type: ignore[attr-defined]


class RecordForm(forms.Form):
    """A record by its number; it travels in the body, not in the address."""

    record_number = forms.CharField(label=_("Record number"), max_length=32)


class WeekForm(forms.Form):
    """Any day of a week."""

    week = forms.DateField()


class NoteForm(forms.Form):
    """What a privacy lead found."""

    note = _reason(_("What you found"), rows=3)
