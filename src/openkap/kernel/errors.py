"""
The ways a call can fail, each with a code that every door translates alike.

A clinical "no" is never an exception: it is a value (a finding, a refusal) with its reason.
An exception says that the input, the content or the program broke its contract.
"""


class OpenKapError(Exception):
    """Root of every error that OpenKAP raises on purpose."""


class UserError(OpenKapError):
    """
    The input is at fault. The text is one sentence that names the field and the remedy.

    Args:
        message: the sentence shown to the person.
        code: stable identifier; `EXIT` and the API tables map it to an exit code or a status.
    """

    code = "invalid"

    def __init__(self, message: str, *, code: str | None = None):
        super().__init__(message)
        if code is not None:
            self.code = code


class UnreadableDocument(UserError):
    """The document is not what was asked for: not JSON, not FHIR, too large, about two people."""

    code = "structure"


class UnitRefused(UserError):
    """A quantity is in a unit that the fact does not allow, or of another kind."""

    code = "unit"


class UnknownName(UserError):
    """A name (instrument, regimen, fact) that this version does not know."""

    code = "not-found"


class ContentFault(UserError):
    """A content file breaks its own rules: unknown key, dangling source, duplicate id, wrong order."""

    code = "content"


class Conflict(UserError):
    """Someone else changed the thing meanwhile, or the request was used before; nothing was written."""

    code = "conflict"


class Forbidden(UserError):
    """The rules of the site do not let this person do this."""

    code = "forbidden"


class NoSolution(OpenKapError):
    """The request is well formed and has no solution; `document` says why (exit code 3)."""

    code = "no-solution"

    def __init__(self, message: str, document: dict):
        super().__init__(message)
        self.document = document


# One table for every door: code -> CLI exit status, HTTP status, OperationOutcome issue type.
EXIT = {
    "invalid": (2, 422, "invalid"),
    "structure": (2, 400, "structure"),
    "unit": (2, 422, "value"),
    "not-found": (2, 404, "not-found"),
    "conflict": (2, 409, "conflict"),
    "forbidden": (2, 403, "forbidden"),
    "content": (2, 500, "exception"),
    "no-solution": (3, 409, "business-rule"),
}
