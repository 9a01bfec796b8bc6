"""Notices to people: to the new owner of a lead (H4), and to whoever is to know of a broken promise (H6).

As mail, as a line in a channel, as a webhook. One per hand-off, and one per step of a chain.
"""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from baton.playbook.endpoints import Notice
from baton.routing.deliveries.calling import Caller
from baton.routing.deliveries.escalations import (
    escalation_notice,
    is_escalation,
    lines_of_escalation,
    subject_of_escalation,
)
from baton.routing.deliveries.letters import Letter
from baton.routing.deliveries.mailing import PostOffice
from baton.routing.deliveries.outcome import Outcome
from baton.routing.deliveries.receivers import Receiver
from baton.routing.domain.briefing import blocks, name_of, notes, reasons, talking_points, title_of

NO_ADDRESS = Outcome("broken", error="the owner has no e-mail address on the roster", is_final=True)
NO_SERVER = Outcome("broken", error="BATON_SMTP_URL is not set", concerns_all=True)


async def told_to_owner(caller: Caller, post_office: PostOffice | None, receiver: Receiver, letter: Letter) -> Outcome:
    """Make one try of telling the owner, or whoever the notice is for."""
    if receiver.kind == "slack":
        return await caller.post(receiver, orjson.dumps({"text": slack_text(letter)}), letter.id)
    if receiver.kind == "webhook":
        return await caller.post(receiver, webhook_notice(letter), letter.id)
    if post_office is None:
        return NO_SERVER
    assert receiver.notice is not None
    message = mail(letter, post_office.sender, receiver.notice)
    return NO_ADDRESS if message is None else await post_office.send(message)


def subject_of(letter: Letter) -> str:
    """Return one line: what has happened and with whom."""
    if is_escalation(letter):
        return " ".join(subject_of_escalation(letter).split())[:200]
    word = "Reassigned to you" if letter.type == "lead.reassigned" else "New lead"
    return " ".join(f"{word}: {title_of(letter.data)}".split())[:200]


def deadline_of(data: Any) -> str:
    """Return until when the first attempt is promised, by the owner's own clock."""
    zone = ZoneInfo(data["owner"]["zone"])
    due = datetime.fromisoformat(data["respond_by"]).astimezone(zone)
    return f"{due:%a %d %b %Y %H:%M} ({data['owner']['zone']})"


def mail(letter: Letter, sender: str, notice: Notice) -> EmailMessage | None:
    """Return the mail, to the owner or to those it names; None without an address. Its Message-ID follows."""
    owner = letter.data["owner"]
    if not notice.to and not owner.get("email"):
        return None
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(notice.to) if notice.to else Address(owner["name"], addr_spec=owner["email"])
    if notice.copy_to:
        message["Cc"] = ", ".join(notice.copy_to)
    message["Subject"] = subject_of(letter)
    message["Date"] = format_datetime(datetime.fromisoformat(letter.time))
    message["Message-ID"] = f"<{letter.id}.{notice.id}@baton.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text_of_notice(letter))
    return message


def text_of_notice(letter: Letter) -> str:
    """Return the whole notice as plain text."""
    if is_escalation(letter):
        return "\n".join([*lines_of_escalation(letter), "", f"Lead {letter.lead_id}", ""])
    head = [f"{letter.data['owner']['name']}, this lead is yours. First attempt by {deadline_of(letter.data)}."]
    if letter.type == "lead.reassigned":
        head.append(f"It was with {letter.data['previous_owner']} before ({letter.data['reason']}).")
    return "\n".join(head) + "\n\n" + notes(letter.data) + f"\n\nLead {letter.lead_id}\n"


def slack_text(letter: Letter) -> str:
    """Return the notice as Slack's own markup; what people typed cannot become markup or a mention."""
    head = f"*{_plain(subject_of(letter))}*"
    if is_escalation(letter):
        return "\n".join([head, *(_plain(line) for line in lines_of_escalation(letter))])
    to = f"{_plain(letter.data['owner']['name'])}, first attempt by {_plain(deadline_of(letter.data))}"
    listed = [f"*{head}*\n" + "\n".join(f"• {_plain(line)}" for line in lines) for head, lines in blocks(letter.data)]
    return "\n".join([head, to, *listed])


def webhook_notice(letter: Letter) -> bytes:
    """Return the notice for a plain webhook: what to show, in parts and as one text."""
    data = letter.data
    if is_escalation(letter):
        about = {"lead_id": letter.lead_id, "event_id": letter.id, "title": subject_of(letter)}
        told = {**about, **escalation_notice(letter)}
        return orjson.dumps({"type": "escalation.notice", "timestamp": letter.time, "data": told})
    said = {
        "lead_id": letter.lead_id,
        "event_id": letter.id,
        "title": subject_of(letter),
        "owner": data["owner"],
        "respond_by": data["respond_by"],
        "name": name_of(data),
        "contact": data.get("contact") or {},
        "reasons": reasons(data),
        "talking_points": talking_points(data),
        "text": text_of_notice(letter),
    }
    return orjson.dumps({"type": "owner.notice", "timestamp": letter.time, "data": said})


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
