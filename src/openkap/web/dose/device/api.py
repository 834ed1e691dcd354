"""POST of one FHIR R4 Observation by a device, with its own token; the reply is an OperationOutcome or nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from openkap.dose import services_device
from openkap.kernel.errors import EXIT, UserError
from openkap.people.policy import public
from openkap.people.request import origin_of

LARGEST = 64 * 2**10
FHIR = "application/fhir+json"


@csrf_exempt  # no cookie speaks here: the token does
@public()
def observation(request: HttpRequest) -> HttpResponse:
    """
    201 taken, 200 known already, 401 no token that opens anything, 409 another one has its identifier, 422 not taken.

    What is taken files nothing: it waits at the chair whose device it is, or in quarantine.
    """
    if request.method != "POST":
        return _outcome("not-supported", "Send one Observation by POST.", 405)
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    device = services_device.device_of(token.strip()) if kind == "Bearer" and token.strip() else None
    if device is None:
        return _outcome("login", "The token opens nothing here, or the site's door for devices is shut.", 401)
    if len(request.body) > LARGEST:
        return _outcome("too-long", "One Observation is smaller than this.", 413)
    try:
        document: Any = json.loads(request.body, parse_float=Decimal, parse_constant=_no_number)
        done = services_device.receive(device, document, origin=origin_of(request))
    except UserError as fault:
        return _outcome("invalid", str(fault), EXIT[fault.code][1])
    except (ValueError, RecursionError):
        return _outcome("structure", "This is no JSON.", 400)
    return HttpResponse(status=200 if done.repeated else 201)


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _outcome(code: str, text: str, status: int) -> HttpResponse:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return JsonResponse({"resourceType": "OperationOutcome", "issue": [issue]}, status=status, content_type=FHIR)
