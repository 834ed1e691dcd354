"""One message about an alert to one phone of the site, by the one way out (kernel/post.py)."""

from __future__ import annotations

from openkap.dose.outlets import Outlets, Phone
from openkap.kernel import post


def send(outlets: Outlets, phone: Phone, text: str, key: str) -> str:
    """
    Send one message. Where no answer came it counts as not taken: an alert is rather told twice than never.

    Returns:
        Why it was not taken, in words without an address or a secret; empty if it was.
    """
    to = post.To(mail=phone.mail, hook=phone.hook, token=outlets.secret(phone.token_file))
    password = outlets.secret(outlets.mail.password_file) if outlets.mail else ""
    return post.send(outlets.mail, password, to, text, key).fault
