"""What platforms post, with invented people and our own signatures, and two sources beside the example playbook's."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
SECRETS = {
    "BATON_MAUTIC_SECRET": "first-mautic-secret",
    "BATON_HUBSPOT_SECRET": "the-hubspot-secret",
    "SHOP_TOKEN": "new-shop-token",
    "OLD_SHOP_TOKEN": "old-shop-token",
}
SCOPES = {
    "map": ["intake:write"],
    "rep": ["sales:write"],
    "reader": ["leads:read"],
    "boss": ["admin"],
}
HUBSPOT_URL = "http://localhost/intake/v1/hooks/hubspot-workflow"

SHOP = {
    "id": "shop",
    "label": "A shop's contact form",
    "system": "crm",
    "body": "form",
    "default_region": "GB",
    "signature": {"scheme": "token", "secrets": [{"env": "SHOP_TOKEN"}, {"env": "OLD_SHOP_TOKEN"}]},
    "mapping": [
        {
            "id": "enquiry",
            "external_id": "contact.id",
            "contact": {"email": "contact.email", "phone": "contact.phone", "full_name": "contact.name"},
            "properties": {"interests": {"path": "interest", "many": True}},
        }
    ],
}
FEED = {
    "id": "feed",
    "label": "Several kinds of things in one body",
    "signature": {"scheme": "token", "header": "X-Feed-Token", "secrets": [{"env": "SHOP_TOKEN"}]},
    "mapping": [
        {"id": "people", "each": "people[]", "when": "element.kind == 'person'", "contact": {"email": "mail"}},
        {
            "id": "views",
            "each": "views[]",
            "gives": "activity",
            "lead": {"email": "who"},
            "occurred_at": {"path": "at", "time": "ms"},
            "fields": {"kind": {"const": "page_view"}, "what": "page"},
        },
        {
            "id": "deals",
            "each": "deals[]",
            "gives": "status",
            "lead": {"system": {"const": "salesforce"}, "id": "contact"},
            "occurred_at": "at",
            "fields": {"status": "stage", "value": "amount", "currency": {"const": "EUR"}},
        },
    ],
}


def sign_mautic(body: bytes, secret: str = SECRETS["BATON_MAUTIC_SECRET"]) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def sign_hubspot(body: bytes, at: datetime = NOW, url: str = HUBSPOT_URL) -> dict[str, str]:
    secret = SECRETS["BATON_HUBSPOT_SECRET"]
    millis = str(int(at.timestamp() * 1000))
    signed = b"POST" + url.encode() + body + millis.encode()
    mac = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
    return {"X-HubSpot-Signature-v3": mac, "X-HubSpot-Request-Timestamp": millis}


def mautic_event(contact_id: int = 77, email: str = "noor.haddad@example.com") -> dict[str, Any]:
    """A contact that has just been identified, as Mautic posts it: fields in groups, an empty group as a list."""
    values = {
        "title": "Dr",
        "firstname": "Noor",
        "lastname": "Haddad",
        "company": "Brückenbau Süd GmbH",
        "position": "Leiterin Einkauf",
        "email": email,
        "mobile": None,
        "phone": "089 12345678",
        "address1": None,
        "city": "München",
        "zipcode": "80331",
        "country": "Germany",
        "preferred_locale": "de_DE",
        "website": "https://www.example.com",
    }
    core = {
        alias: {"id": number, "group": "core", "alias": alias, "type": "text", "value": value}
        for number, (alias, value) in enumerate(values.items(), 1)
    }
    social = {"linkedin": {"id": 30, "group": "social", "alias": "linkedin", "type": "text", "value": None}}
    contact = {
        "id": contact_id,
        "points": 5,
        "fields": {"core": core, "social": social, "personal": [], "professional": []},
        "owner": None,
        "tags": [[]],
        "utmtags": None,
        "doNotContact": [],
    }
    return {"mautic.lead_post_save_new": [{"contact": contact, "timestamp": "2026-09-21T14:10:00+00:00"}]}


def hubspot_record() -> dict[str, Any]:
    """The legacy contact record that a workflow posts with all properties."""
    values = {
        "email": "asa.lund@example.com",
        "firstname": "Åsa",
        "lastname": "Lund",
        "company": "Fjällström & Co",
        "jobtitle": "COO",
        "phone": "+46 8 12 34 56 78",
        "country": "Sverige",
        "lifecyclestage": "marketingqualifiedlead",
    }
    return {
        "vid": 9001,
        "canonical-vid": 9001,
        "merged-vids": [],
        "portal-id": 4242,
        "is-contact": True,
        "properties": {name: {"value": value, "versions": [{"value": value}]} for name, value in values.items()},
        "form-submissions": [],
        "identity-profiles": [{"vid": 9001, "identities": [{"type": "EMAIL", "value": values["email"]}]}],
    }
