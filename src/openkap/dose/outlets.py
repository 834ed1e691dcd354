"""
How an alert leaves the screens of a site: `alerts.toml` of its folder. It is the site's configuration, not clinical
content: who is called by which service, and whether screens sound. Without the file nothing leaves and nothing sounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from openkap.dose.types import Ring
from openkap.kernel.content import convert, read_site_toml
from openkap.kernel.errors import ContentFault
from openkap.kernel.post import Mail, check_mail, check_secret, is_address, is_safe_hook, secret

SITE_FILE = "alerts.toml"


class Phone(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """
    Somebody's phone, as the site names it.

    Args:
        mail: its address at a paging gateway; hook: an address that takes a message as JSON; one of the two.
        token_file: beside `alerts.toml`: sent to the hook as a bearer token.
        steps: the steps of an alert at which it gets a message.
    """

    name: str
    mail: str = ""
    hook: str = ""
    token_file: str = ""
    steps: tuple[Ring, ...] = ("site-phone",)


class Sound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """That screens sound and vibrate on a red alert: decided by whom, when and why."""

    on: bool
    reason: str
    by: str
    decided: date


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    mail: Mail | None = None
    phone: tuple[Phone, ...] = ()
    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class Outlets:
    """What a site has; `folder` holds the secrets that are named."""

    folder: Path | None = None
    mail: Mail | None = None
    phones: tuple[Phone, ...] = ()
    sound: bool = False

    def secret(self, name: str) -> str:
        """What stands in a file beside `alerts.toml`; empty where none is named."""
        return secret(self.folder, name)


def outlets_of(folder: Path | None) -> Outlets:
    """
    What leaves the screens of a site.

    Raises:
        ContentFault: the file is malformed, a phone cannot be reached by what it says, or a secret lies open.
    """
    path = folder / SITE_FILE if folder else None
    if path is None or folder is None or not path.is_file():
        return Outlets()
    file = convert(read_site_toml(path), _File, SITE_FILE)
    if file.mail is not None:
        check_mail(file.mail, folder, SITE_FILE)
    for phone in file.phone:
        _phone(phone, file.mail, folder)
    if len({phone.name for phone in file.phone}) < len(file.phone):
        raise ContentFault(f"{SITE_FILE}: two phones have one name; give each a name of its own.")
    if file.sound is not None and not (file.sound.reason.strip() and file.sound.by.strip()):
        raise ContentFault(f"{SITE_FILE}: sound gives no reason or nobody who decided it; add both.")
    return Outlets(folder, file.mail, file.phone, file.sound is not None and file.sound.on)


def _phone(phone: Phone, mail: Mail | None, folder: Path) -> None:
    name = phone.name.strip()
    if not name or len(name) > 60 or not phone.steps:
        raise ContentFault(f"{SITE_FILE}: a phone has no name of at most 60 characters, or no steps; add them.")
    if bool(phone.mail) is bool(phone.hook):
        raise ContentFault(f"{SITE_FILE}: {name} has neither or both of mail and hook; give one.")
    if phone.mail and (mail is None or not is_address(phone.mail)):
        raise ContentFault(f"{SITE_FILE}: {name} has no mail address, or there is no [mail] server; correct it.")
    if phone.hook and not is_safe_hook(phone.hook):
        raise ContentFault(f"{SITE_FILE}: {name} has a hook that is not https://…; correct it.")
    check_secret(phone.token_file, folder, SITE_FILE)
