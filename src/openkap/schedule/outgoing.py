"""
Whether messages to patients leave a site, and by what: `messages.toml` of its folder. It is the site's configuration,
not clinical content. Without the file, or with `on = false`, nothing leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from openkap.kernel.content import convert, read_site_toml
from openkap.kernel.errors import ContentFault
from openkap.kernel.post import HERE, Mail, To, check_mail, check_secret, is_safe_hook, secret
from openkap.plan.library import statement

SITE_FILE = "messages.toml"
LONGEST_ADDRESS = 120


class TextHook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service that sends texts: takes `{"to", "text", "key"}` as JSON. `token_file` stands beside `messages.toml`."""

    hook: str
    token_file: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    on: bool
    reason: str
    by: str
    decided: date
    link: str
    address: str
    mail: Mail | None = None
    text: TextHook | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    What a site has.

    Args:
        folder: holds the secrets that are named. link: where the pages of the clinic are reached from outside.
        address: the line that whoever opens a link reads: where to come. nowhere: a demonstration, where messages are
            made and kept and never leave the machine.
    """

    on: bool = False
    folder: Path | None = None
    mail: Mail | None = None
    text: TextHook | None = None
    link: str = ""
    address: str = ""
    nowhere: bool = False

    def has(self, channel: str) -> bool:
        """True if messages leave by this channel."""
        return self.on and (self.nowhere or getattr(self, channel, None) is not None)

    def to(self, channel: str, address: str) -> To:
        """The one recipient of a message."""
        if channel == "mail" or self.text is None:
            return To(mail=address)
        return To(hook=self.text.hook, token=secret(self.folder, self.text.token_file), number=address)

    @property
    def password(self) -> str:
        """Of the mail server's account."""
        return secret(self.folder, self.mail.password_file) if self.mail else ""


NOWHERE = Outgoing(on=True, nowhere=True, link="http://127.0.0.1:8000", address="1 River Road, second door (synthetic)")


def outgoing_of(folder: Path | None) -> Outgoing:
    """
    What leaves a site.

    Raises:
        ContentFault: the file is malformed, would send unencrypted, has a secret that lies open, or a sender, link or
            address line that says what is done there.
    """
    path = folder / SITE_FILE if folder else None
    if path is None or folder is None or not path.is_file():
        return Outgoing()
    file = convert(read_site_toml(path), _File, SITE_FILE)
    if not (file.reason.strip() and file.by.strip()):
        raise ContentFault(f"{SITE_FILE}: it gives no reason or nobody who decided it; add both.")
    if file.on and file.mail is None and file.text is None:
        raise ContentFault(f"{SITE_FILE}: on, and nothing to send by; add [mail], [text] or both.")
    if file.mail is not None:
        check_mail(file.mail, folder, SITE_FILE)
    if file.text is not None:
        if not is_safe_hook(file.text.hook):
            raise ContentFault(f"{SITE_FILE}: [text] has a hook that is not https://…; correct it.")
        check_secret(file.text.token_file, folder, SITE_FILE)
    _plain(file)
    return Outgoing(
        file.on, folder, file.mail, file.text, file.link.rstrip("/"), " ".join(file.address.split()), nowhere=False
    )


def _plain(file: _File) -> None:
    """What everybody who sees a message sees says where to come, and not what for (HAZ-57)."""
    parts = urlsplit(file.link)
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in HERE)):
        raise ContentFault(f"{SITE_FILE}: link is no address such as https://clinic.example; correct it.")
    if parts.query or parts.fragment or parts.username:
        raise ContentFault(f"{SITE_FILE}: link holds more than host and path; leave the rest out.")
    if not file.address.strip() or len(file.address) > LONGEST_ADDRESS:
        raise ContentFault(f"{SITE_FILE}: address is empty or longer than {LONGEST_ADDRESS} letters; correct it.")
    shown = {"link": file.link, "address": file.address, "from": file.mail.sender if file.mail else ""}
    for name, text in shown.items():
        if said := told_by(text):
            raise ContentFault(
                f"{SITE_FILE}: {name} says what is done there ({said}, MSG-UNSAID); use one that does not."
            )


def told_by(text: str) -> str:
    """The first word of MSG-UNSAID that a text holds; empty if it holds none."""
    return next((word for word in statement("MSG-UNSAID").text.split() if word in text.casefold()), "")
