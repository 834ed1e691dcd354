"""
Sign-in. Only these pages of allauth are reachable, each with a policy; nobody signs up here.
"""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkey
from django.urls import path, re_path

from openkap.people.devices import device
from openkap.people.policy import own_account, public

anyone = public()
own = own_account()

urlpatterns = [
    path("sign-in/", anyone(account.login), name="account_login"),
    path("sign-in/second/", anyone(mfa.authenticate), name="mfa_authenticate"),
    path("sign-in/passkey/", anyone(passkey.login_webauthn), name="mfa_login_webauthn"),
    path("device/", device, name="device"),
    path("sign-out/", own(account.logout), name="account_logout"),
    path("inactive/", anyone(account.account_inactive), name="account_inactive"),
    re_path(
        r"^invitation/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        anyone(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path("invitation/done/", anyone(account.password_reset_from_key_done), name="account_reset_password_from_key_done"),
    path("prove/", own(account.reauthenticate), name="account_reauthenticate"),
    path("prove/code/", own(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("prove/passkey/", own(passkey.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path("password/", own(account.password_change), name="account_change_password"),
    path("password/set/", own(account.password_set), name="account_set_password"),
    path("factors/", own(mfa.index), name="mfa_index"),
    path("factors/code/", own(totp.activate_totp), name="mfa_activate_totp"),
    path("factors/code/remove/", own(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("factors/recovery/", own(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("factors/recovery/new/", own(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("factors/recovery/file/", own(codes.download_recovery_codes), name="mfa_download_recovery_codes"),
    path("factors/passkeys/", own(passkey.list_webauthn), name="mfa_list_webauthn"),
    path("factors/passkeys/new/", own(passkey.add_webauthn), name="mfa_add_webauthn"),
    path("factors/passkeys/<int:pk>/", own(passkey.edit_webauthn), name="mfa_edit_webauthn"),
    path("factors/passkeys/<int:pk>/remove/", own(passkey.remove_webauthn), name="mfa_remove_webauthn"),
]
