"""Who sees whom."""

import pytest

from openkap.people.selectors import visible_patients
from openkap.people.types import Purpose, Role
from tests.database import Clinic

ASSIGNED = {(role, why) for role in ("prescriber", "nurse", "therapist") for why in ("treatment", "administration")}
ASSIGNED |= {("therapist", "private-note")}
SITE = {("coordinator", "administration"), ("billing", "payment"), ("privacy-lead", "oversight")}


@pytest.mark.hazard("HAZ-71", "C1")
@pytest.mark.goal("RG-25")
@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("role", Role)
def test_each_role_sees_whom_the_table_says_and_nobody_else(clinic: Clinic, role: Role, purpose: Purpose):
    seen = {patient.given for patient in visible_patients(clinic.principal(role), purpose)}
    if (role, purpose) in ASSIGNED or (role, purpose) == ("patient", "own"):
        assert seen == {"Ida"}
    elif (role, purpose) in SITE:
        assert seen == {"Ida", "Noah", "Otto"}
    else:
        assert seen == set()
