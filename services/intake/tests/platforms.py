"""One request of every platform of the example playbook: invented people, our own signatures, as many as one likes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=----Bound4ry"
SECRETS = {
    "mautic": ("BATON_MAUTIC_SECRET", "mautic-secret"),
    "hubspot-workflow": ("BATON_HUBSPOT_SECRET", "hubspot-secret"),
    "marketo": ("BATON_MARKETO_TOKEN", "marketo-token"),
    "salesforce-web2lead": ("BATON_WEB2LEAD_OID", "00D5g000004XYZ1"),
    "pardot": ("BATON_PARDOT_TOKEN", "pardot-token"),
    "google-ads": ("BATON_GOOGLE_ADS_KEY", "google-key"),
    "typeform": ("BATON_TYPEFORM_SECRET", "typeform-secret"),
    "calendly": ("BATON_CALENDLY_SIGNING_KEY", "calendly-key"),
    "jotform": ("BATON_JOTFORM_TOKEN", "jotform-token"),
    "gravityforms": ("BATON_GRAVITYFORMS_TOKEN", "gravity-token"),
    "segment": ("BATON_SEGMENT_SECRET", "segment-secret"),
    "rudderstack": ("BATON_RUDDERSTACK_TOKEN", "rudder-token"),
    "zapier": ("BATON_ZAPIER_LOGIN", "zap:correct horse"),
    "activecampaign": ("BATON_ACTIVECAMPAIGN_TOKEN", "ac-token"),
}
PLATFORMS = tuple(SECRETS)
BASE = "http://localhost/intake/v1/hooks/"


@dataclass
class Sent:
    """A request as a platform sends it."""

    source: str
    body: bytes
    content_type: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{BASE}{self.source}" + (f"?{self.query}" if self.query else "")


def person(n: int) -> dict[str, str]:
    return {"email": f"person{n}@example.com", "first": "Ann", "last": f"Lee{n}", "company": "Fjällström & Co"}


def body_of(source: str, n: int) -> Any:
    """What the platform posts about person `n`, as plain data."""
    who = person(n)
    time = "2026-09-21T14:13:00Z"
    named = {"email": who["email"], "first_name": who["first"], "last_name": who["last"], "company": who["company"]}
    traits = {"email": who["email"], "firstName": who["first"], "company": {"name": who["company"]}}
    column = {"column_id": "EMAIL", "string_value": who["email"]}
    answer = {"type": "email", "email": who["email"], "field": {"id": "a", "ref": "email"}}
    invitee = {"uri": f"https://api.example/INV{n}", "email": who["email"], "name": f"{who['first']} {who['last']}"}
    core = {"email": {"value": who["email"]}, "company": {"value": who["company"]}}
    contact = {"id": n, "fields": {"core": core, "social": []}, "tags": [[]]}
    asked = json.dumps({"q4_email": who["email"], "q6_company": "Fj &amp; Co"})
    identify = {"type": "identify", "messageId": f"m{n}", "userId": f"u{n}"}
    key, oid = SECRETS["google-ads"][1], SECRETS["salesforce-web2lead"][1]
    response = {"token": f"t{n}", "submitted_at": time, "form_id": "f", "answers": [answer]}
    bodies: dict[str, Any] = {
        "mautic": {"mautic.lead_post_save_new": [{"contact": contact, "timestamp": time}]},
        "hubspot-workflow": {"vid": n, "portal-id": 5, "properties": {"email": {"value": who["email"]}}},
        "marketo": {**named, "leadId": n, "leadScore": 5},
        "salesforce-web2lead": {**named, "oid": oid},
        "pardot": named,
        "google-ads": {"lead_id": f"lead-{n}", "google_key": key, "form_id": 2**53 + n, "user_column_data": [column]},
        "typeform": {"event_type": "form_response", "form_response": response},
        "calendly": {"event": "invitee.created", "created_at": time, "payload": invitee},
        "jotform": {"formID": "203", "submissionID": str(5 * 10**18 + n), "rawRequest": asked},
        "gravityforms": {"id": str(n), "form_id": "7", "date_created": "2026-09-21 14:13:00", "2": who["email"]},
        "segment": {**identify, "traits": traits},
        "rudderstack": {**identify, "context": {"traits": traits}},
        "zapier": {"E-mail Address": who["email"], "First Name": who["first"]},
        "activecampaign": {"type": "update", "date_time": time, "contact[id]": n, "contact[email]": who["email"]},
    }
    return bodies[source]


FORMS = {"salesforce-web2lead": FORM, "pardot": FORM, "activecampaign": FORM, "jotform": MULTIPART}


def written(source: str, body: Any) -> tuple[bytes, str]:
    """The body in the platform's own way, with its content type."""
    kind = FORMS.get(source, JSON)
    if kind == FORM:
        return urlencode(body).encode(), FORM
    if kind == MULTIPART:
        parts = [
            f'------Bound4ry\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in body.items()
        ]
        return "".join([*parts, "------Bound4ry--\r\n"]).encode(), MULTIPART
    return json.dumps(body).replace("/", "\\/").encode(), JSON


def signed(source: str, raw: bytes, content_type: str, at: datetime, secret: str | None = None) -> Sent:
    """The request that carries these bytes, with what proves where it comes from."""
    key = SECRETS[source][1] if secret is None else secret
    sent = Sent(source, raw, content_type)
    sent.headers = proof(source, raw, key.encode(), at)
    sent.query = {"pardot": f"token={key}", "jotform": f"token={key}", "activecampaign": f"k={key}"}.get(source, "")
    return sent


def proof(source: str, raw: bytes, key: bytes, at: datetime) -> dict[str, str]:
    seconds, millis = str(int(at.timestamp())), str(int(at.timestamp() * 1000))
    mac = hmac.digest(key, raw, hashlib.sha256)
    timed = hmac.digest(key, seconds.encode() + b"." + raw, hashlib.sha256).hex()
    v3 = hmac.digest(key, f"POST{BASE}{source}".encode() + raw + millis.encode(), hashlib.sha256)
    shown: Mapping[str, dict[str, str]] = {
        "mautic": {"Webhook-Signature": base64.b64encode(mac).decode()},
        "hubspot-workflow": {
            "X-HubSpot-Signature-v3": base64.b64encode(v3).decode(),
            "X-HubSpot-Request-Timestamp": millis,
        },
        "typeform": {"Typeform-Signature": "sha256=" + base64.b64encode(mac).decode()},
        "calendly": {"Calendly-Webhook-Signature": f"t={seconds},v1={timed}"},
        "segment": {"X-Signature": hmac.digest(key, raw, hashlib.sha1).hex()},
        "marketo": {"X-Api-Key": key.decode()},
        "rudderstack": {"X-Api-Key": key.decode()},
        "gravityforms": {"Authorization": f"Bearer {key.decode()}"},
        "zapier": {"Authorization": "Basic " + base64.b64encode(key).decode()},
    }
    return dict(shown.get(source, {}))


def request_of(source: str, n: int, at: datetime) -> Sent:
    """A genuine request about person `n`."""
    return signed(source, *written(source, body_of(source, n)), at)
