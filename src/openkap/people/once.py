"""
One effect to a request, however often it is sent: a double tap, a retry on a bad line, the back button.

A form carries a random key (`{% idempotency_key %}`), a script sends it as the header `Idempotency-Key`.
The key is written in the transaction of the change. The same request again gets the same short reply;
another request with a used key is refused. A reply of 400 or more changes nothing and leaves the key free.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from openkap.kernel.errors import Conflict, UserError
from openkap.people.models import Effect
from openkap.people.together import together

FIELD = "idempotency_key"
_KEPT_HEADERS = ("Location", "HX-Redirect", "HX-Location", "HX-Trigger", "Content-Type")
_LONGEST_BODY = 4096


def new_key() -> str:
    """A key for a form that is about to be shown."""
    return str(uuid4())


def once(request: HttpRequest, act: Callable[[], HttpResponse]) -> HttpResponse:
    """
    Run `act` in a transaction, unless this request has taken effect before.

    Raises:
        UserError: the request has no key. Conflict: its key belongs to another request.
    """
    key, digest = _key(request), _digest(request)
    user_id = request.user.pk if request.user.is_authenticated else None
    if (earlier := _earlier(key, digest, user_id)) is not None:
        return earlier
    try:
        with together():
            response = act()
            if hasattr(response, "render"):
                response = response.render()
            if response.status_code >= 400:
                transaction.set_rollback(True)
            else:
                _keep(key, digest, user_id, response)
    except IntegrityError:
        # Two at once: the other came first, ours is undone. Anything else is a fault of the program.
        if (earlier := _earlier(key, digest, user_id)) is None:
            raise
        return earlier
    return response


def _keep(key: UUID, digest: str, user_id: UUID | None, response: HttpResponse) -> None:
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    body = response.content.decode() if is_json and len(response.content) <= _LONGEST_BODY else ""
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    Effect.objects.create(
        key=key, digest=digest, user_id=user_id, status=response.status_code, headers=headers, body=body
    )


def _earlier(key: UUID, digest: str, user_id: UUID | None) -> HttpResponse | None:
    effect = Effect.objects.filter(key=key).first()
    if effect is None:
        return None
    if effect.digest != digest or effect.user_id != user_id:
        raise Conflict("This form was used before for something else: reload the page and fill it in again.")
    return HttpResponse(effect.body, status=effect.status, headers={**effect.headers, "Idempotent-Replay": "true"})


def _key(request: HttpRequest) -> UUID:
    text = request.headers.get("Idempotency-Key") or request.POST.get(FIELD, "")
    try:
        return UUID(text)
    except ValueError:
        raise UserError("This form came without its key: reload the page and send it again.") from None


def _digest(request: HttpRequest) -> str:
    fields = {name: request.POST.getlist(name) for name in request.POST if name != "csrfmiddlewaretoken"}
    whole = hashlib.sha256(json.dumps([request.method, request.path, fields], sort_keys=True).encode())
    if not (request.content_type or "").startswith(("multipart/", "application/x-www-form-urlencoded")):
        whole.update(request.body)
    for name in sorted(request.FILES):
        for file in request.FILES.getlist(name):
            whole.update(json.dumps([name, file.name]).encode())
            for chunk in file.chunks():
                whole.update(chunk)
            file.seek(0)
    return whole.hexdigest()
