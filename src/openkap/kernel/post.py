"""
One message to one address, by mail or by a hook: sent, or why not. The only way out for messages of any room.

No database, no list of recipients: an address stands alone in `To`, and nothing is copied to anybody. Of a reply only
the code is kept, so that no fault quotes an address or a text. The key goes along, so that whoever gets a message
twice after a broken line can tell.
"""

from __future__ import annotations

import http.client
import json
import re
import smtplib
import ssl
import stat
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from openkap.kernel.errors import ContentFault

HERE = ("127.0.0.1", "localhost", "::1")
WAIT_S = 10  # for an answer
_PLAIN = SMTP.clone(cte_type="7bit")
_ADDRESS = re.compile(r"[^@\s,;<>:\"()\[\]\\]+@[^@\s,;<>:\"()\[\]\\]+")


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"sender": "from"}):
    """The server that takes messages. `password_file` stands beside the file that names it, for this account alone."""

    server: str
    sender: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""


@dataclass(frozen=True, slots=True)
class To:
    """
    Whom one message goes to.

    Args:
        mail: one address; hook: an address that takes a message as JSON; one of the two.
        token: sent to the hook as a bearer token. number: of a telephone, for a hook that sends texts.
    """

    mail: str = ""
    hook: str = ""
    token: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """
    What came of it.

    Args:
        fault: why it was not taken, without an address or a secret; empty if it was.
        perhaps: it was handed over and no answer came: it may have been taken all the same.
    """

    fault: str = ""
    perhaps: bool = False


class _Line:
    """How far one attempt has come."""

    def __init__(self) -> None:
        self.handed = self.taken = False


def send(server: Mail | None, password: str, to: To, text: str, key: str, *, subject: str = "") -> Sent:
    """
    Send one message.

    Args:
        password: of the mail server's account. subject: of a mail; empty: the text itself.
    """
    line = _Line()
    try:
        fault = _hook(to, text, key, line) if to.hook else _mail(server, password, to, text, key, subject or text, line)
        return Sent(fault)
    except smtplib.SMTPResponseException as why:
        return Sent("" if line.taken else f"SMTP {why.smtp_code}")
    except TimeoutError:
        fault = f"no answer in {WAIT_S} s"
    except ssl.SSLError:
        fault = "the server's certificate does not hold"
    except (OSError, smtplib.SMTPException, http.client.HTTPException) as why:
        fault = f"no connection ({type(why).__name__})"
    return Sent() if line.taken else Sent(fault, perhaps=line.handed)


def _mail(server: Mail | None, password: str, to: To, text: str, key: str, subject: str, line: _Line) -> str:
    if server is None:
        return "no mail server is set up"
    if not is_address(to.mail):
        return "this is no mail address"
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = server.sender, to.mail, subject
    message["Message-ID"] = f"<{key}@messages.invalid>"
    message.set_content(text)
    trusted = ssl.create_default_context()
    smtp = (
        smtplib.SMTP_SSL(server.server, server.port, timeout=WAIT_S, context=trusted)
        if server.security == "tls"
        else smtplib.SMTP(server.server, server.port, timeout=WAIT_S)
    )
    with smtp:
        if server.security == "starttls":
            smtp.starttls(context=trusted)
        if server.user:
            smtp.login(server.user, password)
        smtp.ehlo_or_helo_if_needed()
        for code, _said in (smtp.mail(server.sender), smtp.rcpt(to.mail)):
            if code not in (250, 251):
                return f"SMTP {code}"
        line.handed = True
        code, _said = smtp.data(message.as_bytes(policy=_PLAIN))
        line.taken = code == 250
    return "" if line.taken else f"SMTP {code}"


def _hook(to: To, text: str, key: str, line: _Line) -> str:
    parts = urlsplit(to.hook)
    assert parts.hostname
    trusted = ssl.create_default_context()
    http_line = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=WAIT_S, context=trusted)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=WAIT_S)
    )
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    if to.token:
        headers["Authorization"] = f"Bearer {to.token}"
    said = {"text": text, "key": key} | ({"to": to.number} if to.number else {})
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        http_line.connect()
        line.handed = True
        http_line.request("POST", path, json.dumps(said), headers)
        status = http_line.getresponse().status
    finally:
        http_line.close()
    return "" if 200 <= status < 300 else f"HTTP {status}"


# -- what a site's file may say ---------------------------------------------------------------------


def is_address(text: str) -> bool:
    """True for one mail address and nothing beside it."""
    return bool(_ADDRESS.fullmatch(text)) and len(text) <= 254


def check_mail(mail: Mail, folder: Path, file: str) -> None:
    """
    Raises:
        ContentFault: the server of `file` would be reached unencrypted, has no address, or its secret lies open.
    """
    if mail.security == "none" and mail.server not in HERE:
        raise ContentFault(f"{file}: mail would go unencrypted; set security to starttls or tls.")
    if not is_address(mail.sender):
        raise ContentFault(f"{file}: from is no mail address; write one such as openkap@clinic.example.")
    if bool(mail.user) is not bool(mail.password_file):
        raise ContentFault(f"{file}: mail has a user or a password_file alone; give both or neither.")
    check_secret(mail.password_file, folder, file)


def is_safe_hook(address: str) -> bool:
    """True for an address over HTTPS, or on this machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE))


def check_secret(name: str, folder: Path, file: str) -> None:
    """
    Raises:
        ContentFault: a secret that `file` names is not there, or others can read it.
    """
    if not name:
        return
    path = folder / name
    if not path.is_file():
        raise ContentFault(f"{file}: there is no file {name} beside it; write the secret into it.")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ContentFault(f"{file}: others on this machine can open {name}: chmod go-rwx.")


def secret(folder: Path | None, name: str) -> str:
    """What stands in a file of the site's folder; empty where none is named."""
    return (folder / name).read_text(encoding="utf-8").strip() if name and folder else ""
