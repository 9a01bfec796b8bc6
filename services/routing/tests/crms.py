"""Servers that check what the four CRMs check, as far as their pages say: so that templates are judged, not admired."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from tests.world.outside import Asked, Says

SALESFORCE_LENGTHS = {
    "FirstName": 40, "LastName": 80, "Company": 255, "Title": 128, "Email": 80, "Phone": 40, "Street": 255, "City": 40,
    "State": 80, "PostalCode": 20, "Country": 80, "Website": 255, "Description": 32000, "LeadSource": 40,
}  # fmt: skip
HUBSPOT_PROPERTIES = {
    "email",
    "firstname",
    "lastname",
    "phone",
    "company",
    "jobtitle",
    "website",
    "city",
    "state",
    "zip",
    "country",
    "lifecyclestage",
    "hs_lead_status",
    "hubspot_owner_id",
    "baton_lead_id",
    "baton_score",
    "baton_notes",
}
ESPO_FIELDS = {
    "batonLeadId",
    "firstName",
    "lastName",
    "accountName",
    "title",
    "emailAddress",
    "phoneNumber",
    "website",
    "addressStreet",
    "addressCity",
    "addressState",
    "addressPostalCode",
    "addressCountry",
    "description",
    "assignedUserId",
    "status",
}


def says(status: int, body: Any = None) -> Says:
    return Says(status, b"" if body is None else orjson.dumps(body), {"content-type": "application/json"})


class Crm:
    """Records by id, and what it refused."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.refused: list[str] = []

    def __call__(self, asked: Asked) -> Says:
        answer = self.answer(asked, asked.path.partition("?")[0])
        if answer.status >= 400 and answer.status != 404:
            self.refused.append(f"{asked.method} {asked.path} {answer.status} {answer.body.decode()}")
        return answer

    def answer(self, asked: Asked, path: str) -> Says:
        raise NotImplementedError

    def new(self, record: dict[str, Any]) -> str:
        identity = str(len(self.records) + 101)
        self.records[identity] = record
        return identity


class Salesforce(Crm):
    """OAuth by client credentials; upsert by external id; lengths, required fields, and assignment switched off."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = 0

    def answer(self, asked: Asked, path: str) -> Says:
        if path == "/services/oauth2/token":
            return self._token(asked)
        if asked.headers.get("authorization") != f"Bearer token-{self.tokens}":
            return says(401, [{"errorCode": "INVALID_SESSION_ID"}])
        key = path.removeprefix("/services/data/v62.0/sobjects/Lead/Baton_Lead_Id__c/")
        if asked.headers.get("sforce-auto-assign") != "FALSE" or "/" in key:
            return says(400, [{"errorCode": "it would be assigned anew"}])
        if asked.method == "DELETE":
            return says(204) if self.records.pop(key, None) else says(404, [{"errorCode": "NOT_FOUND"}])
        return self._upsert(key, asked.json)

    def _token(self, asked: Asked) -> Says:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        wanted = {"grant_type": "client_credentials", "client_id": "us", "client_secret": "s&cret"}
        if form != wanted or asked.headers["content-type"] != "application/x-www-form-urlencoded":
            return says(400, {"error": "invalid_client", "error_description": form.get("client_secret")})
        self.tokens += 1
        return says(200, {"access_token": f"token-{self.tokens}", "token_type": "Bearer"})

    def _upsert(self, key: str, fields: dict[str, Any]) -> Says:
        for name, value in fields.items():
            if name not in SALESFORCE_LENGTHS and name not in ("OwnerId", "Baton_Score__c"):
                return says(400, [{"errorCode": "INVALID_FIELD", "fields": [name]}])
            if isinstance(value, str) and len(value) > SALESFORCE_LENGTHS.get(name, 18):
                return says(400, [{"errorCode": "STRING_TOO_LONG", "fields": [name]}])
        if not (fields.get("LastName") and fields.get("Company")):
            return says(400, [{"errorCode": "REQUIRED_FIELD_MISSING"}])
        if not re.fullmatch(r"(005|00G)\w{12,15}", fields.get("OwnerId", "005000000000000")):
            return says(400, [{"errorCode": "INVALID_CROSS_REFERENCE_KEY"}])
        created = key not in self.records
        self.records[key] = {**self.records.get(key, {}), **fields}
        return says(201 if created else 200, {"id": "00Q000000000001", "success": True, "created": created})


class HubSpot(Crm):
    """Bearer token; properties that exist, all of them text; one contact for each e-mail."""

    def answer(self, asked: Asked, path: str) -> Says:
        if asked.headers.get("authorization") != "Bearer pat":
            return says(401, {"category": "INVALID_AUTHENTICATION"})
        rest = unquote(path.removeprefix("/crm/v3/objects/contacts")).strip("/")
        if asked.method == "POST" and rest == "gdpr-delete":
            return says(204) if self.records.pop(asked.json["objectId"], None) else says(404)
        properties = asked.json["properties"]
        odd = {n: v for n, v in properties.items() if n not in HUBSPOT_PROPERTIES or not isinstance(v, str)}
        if odd:
            return says(400, {"category": "VALIDATION_ERROR", "errors": list(odd)})
        if asked.method == "POST" and rest == "":
            if "associations" not in asked.json or self._by_email(properties.get("email")):
                return says(409, {"category": "CONFLICT"})
            return says(201, {"id": self.new(properties)})
        found = self._by_email(rest) if asked.path.endswith("?idProperty=email") else rest
        if found not in self.records:
            return says(404, {"category": "OBJECT_NOT_FOUND"})
        self.records[found].update(properties)
        return says(200, {"id": found})

    def _by_email(self, email: str | None) -> str | None:
        return next((id_ for id_, one in self.records.items() if email and one.get("email") == email), None)


class Pipedrive(Crm):
    """A key in a header; a lead needs a title, and a person that exists; ids are numbers."""

    def answer(self, asked: Asked, path: str) -> Says:
        if asked.headers.get("x-api-token") != "key":
            return says(401, {"success": False})
        _, _, _, kind, *rest = path.split("/")
        if asked.method == "GET":
            return self._search(parse_qs(urlsplit(asked.path).query))
        if asked.method == "DELETE":
            return says(200, {"success": True}) if self.records.pop(rest[0], None) else says(404)
        fields = asked.json
        if kind == "leads" and not self._is_fine(fields, asked.method):
            return says(400, {"success": False, "error": "title, person_id and owner_id"})
        if kind == "persons" and not fields.get("name"):
            return says(400, {"success": False, "error": "name"})
        if asked.method == "PATCH":
            self.records[rest[0]].update(fields)
            return says(200, {"success": True, "data": {"id": rest[0]}})
        return says(201, {"success": True, "data": {"id": int(self.new({"kind": kind, **fields}))}})

    def _is_fine(self, fields: dict[str, Any], method: str) -> bool:
        owner, person = fields.get("owner_id", 1), fields.get("person_id")
        has_person = isinstance(person, int) and str(person) in self.records
        return isinstance(owner, int) and (method == "PATCH" or (bool(fields.get("title")) and has_person))

    def _search(self, query: dict[str, list[str]]) -> Says:
        assert query["exact_match"] == ["true"]
        found = [id_ for id_, one in self.records.items() if query["term"][0] in one.get("email", [])]
        return says(200, {"success": True, "data": {"items": [{"item": {"id": int(id_)}} for id_ in found]}})


class Espo(Crm):
    """A key in a header; JSON in and out; fields that exist; null for nothing, never an empty text."""

    def answer(self, asked: Asked, path: str) -> Says:
        if asked.headers.get("x-api-key") != "key":
            return says(401)
        if asked.method == "GET":
            query = parse_qs(urlsplit(asked.path).query)
            assert query["where[0][attribute]"] == ["batonLeadId"]
            wanted = query["where[0][value]"][0]
            found = [{"id": id_} for id_, one in self.records.items() if one.get("batonLeadId") == wanted]
            return says(200, {"total": len(found), "list": found})
        identity = path.removeprefix("/api/v1/Lead").strip("/")
        if asked.method == "DELETE":
            return says(200, True) if self.records.pop(identity, None) else says(404)
        if asked.headers.get("content-type") != "application/json":
            return says(400)
        fields = asked.json
        if set(fields) - ESPO_FIELDS or "" in fields.values() or not fields.get("lastName"):
            return says(400, {"messageTranslation": {"label": "validationFailure"}})
        if asked.method == "POST":
            return says(200, {"id": self.new(fields)})
        self.records[identity].update(fields)
        return says(200, {"id": identity})
