"""E-mail over SMTP, by the standard library: TLS wherever the server has it, and no password without.

The server is named by one variable, for it holds a password:
`smtp://user:password@mail.example.com:587?from=drills@example.com`, or `smtps://…:465`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from agent_deploy.notifying.message import Message
from agent_deploy.notifying.sending import TIMEOUT_S, NotSent

if TYPE_CHECKING:
    import smtplib
    from email.message import EmailMessage

VARIABLE = "AGENT_DEPLOY_SMTP_URL"
_PORTS = {"smtp": 587, "smtps": 465}
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in. tls: from the first byte on; else STARTTLS where the server offers it."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    sender: str


def send_mail(to: tuple[str, ...], message: Message, environ: Mapping[str, str]) -> None:
    """Hand the message in, to all at once. Raises NotSent."""
    import smtplib

    server = server_from(environ.get(VARIABLE, ""))
    mail = _mail(to, message, server.sender)
    try:
        with _connected(server) as connection:
            refused = connection.send_message(mail)
    except (smtplib.SMTPException, OSError) as error:
        temporary = isinstance(error, OSError) and not isinstance(error, smtplib.SMTPResponseException)
        raise NotSent(f"{server.host}:{server.port}: {_told(error)}", again=temporary) from error
    if refused:
        raise NotSent(f"{server.host}:{server.port} takes nothing for {', '.join(sorted(refused))}")


def server_from(url: str) -> Server:
    """The server that the variable names. Raises NotSent without repeating what stands there."""
    if not url:
        raise NotSent(f"${VARIABLE}, which is to name the server, is not set")
    try:
        parts = urlsplit(url)
        port = parts.port
        sender = parse_qs(parts.query).get("from", [""])[0]
    except ValueError as error:
        raise NotSent(f"${VARIABLE} is no address of a server") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise NotSent(f"${VARIABLE} is to be smtp://user:password@host:587?from=ADDRESS, or smtps://…")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    sender = sender or (user if "@" in user else f"agent-deploy@{parts.hostname}")
    return Server(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "smtps", user, password, sender)


def _connected(server: Server) -> smtplib.SMTP:
    """A session that is encrypted where it can be, and logged in where there is a user."""
    import smtplib
    import ssl

    context = ssl.create_default_context()
    if server.tls:
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        connection.ehlo()
        encrypted = server.tls
        if not encrypted and connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
            encrypted = True
        if server.user:
            if not encrypted and server.host not in _HERE:
                raise NotSent(f"{server.host}:{server.port} offers no TLS, and no password is sent without")
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _mail(to: tuple[str, ...], message: Message, sender: str) -> EmailMessage:
    from email.message import EmailMessage
    from email.utils import format_datetime

    mail = EmailMessage()
    try:
        mail["From"], mail["To"] = sender, ", ".join(to)
        mail["Subject"] = "".join(sign if sign.isprintable() else " " for sign in message.title)
        mail["Date"] = format_datetime(message.at)
        mail["Message-ID"] = f"<{message.id}@agent-deploy>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    except ValueError as error:
        raise NotSent(f"no mail can be made of it: {error}") from error
    mail.set_content(f"{message.title}\n\n{message.text}\n")
    return mail


def _told(error: Exception) -> str:
    """In one line. What a server says of a login may repeat it, so only its code is told."""
    import smtplib

    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the login was refused ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"takes nothing for {', '.join(sorted(error.recipients))}"
    return " ".join(str(error).split()) or type(error).__name__
