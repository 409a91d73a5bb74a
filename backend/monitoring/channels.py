"""Where alarms go: mail, and whatever service apprise knows a URL for.

A channel's name tells an operator which one it is and nothing secret: URLs hold tokens.
"""

import hashlib
import logging
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import send_mail

EMAIL: Final = "email"


class NotSent(Exception):
    """A notice did not go out; `code` says why in one word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code[:60]


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to somebody; `url` is empty for mail."""

    name: str
    url: str = field(default="", repr=False)

    def send(self, title: str, text: str, *, good_news: bool = False) -> None:
        """Send one message now. Raises `NotSent`."""
        if self.url:
            _notify(self.url, title, text, good_news=good_news)
        else:
            _mail(title, text)


def configured(severity: str) -> list[Channel]:
    """Who is told about an alarm of this severity."""
    urls = list(settings.ALERT_URLS)
    if severity == "critical":
        urls += settings.ALERT_URLS_CRITICAL
    mail = [Channel(EMAIL)] if settings.ALERT_EMAILS else []
    return [*mail, *(Channel(_name(url), url) for url in dict.fromkeys(urls))]


def by_name() -> dict[str, Channel]:
    """Every channel that there is."""
    return {channel.name: channel for channel in configured("critical")}


def _name(url: str) -> str:
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    known = scheme if scheme.isalnum() and len(scheme) < 20 else "unknown"
    return f"{known}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def _mail(title: str, text: str) -> None:
    try:
        send_mail(title, text, None, settings.ALERT_EMAILS)
    except (OSError, ValueError) as error:  # every SMTP and socket error is an OSError
        raise NotSent(type(error).__name__) from None


def _notify(url: str, title: str, text: str, *, good_news: bool) -> None:
    # Imported here: it knows 180 services and takes a second; the web never sends anything.
    import apprise

    # It logs URLs and the words of servers.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    sender = apprise.Apprise()
    if not sender.add(url):
        raise NotSent("unknown_url")
    kind = apprise.NotifyType.SUCCESS if good_news else apprise.NotifyType.FAILURE
    try:
        sent = sender.notify(title=title, body=text, notify_type=kind, body_format="text")
    except Exception as error:  # a plugin may raise whatever its library raises
        raise NotSent(type(error).__name__) from None
    if not sent:
        raise NotSent("refused_or_unreachable")
