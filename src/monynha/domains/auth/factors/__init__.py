"""Second factors (TOTP, phone, WebAuthn, recovery codes): enrolment, challenges, verification.

errors               errors with GoTrue's codes
totp                 time-based one-time passwords (RFC 6238) and their QR code
relying_party        WebAuthn: options and verification of registrations and assertions
factor_repository    reads and writes the rows of factors and challenges
factor_service       what users do with their factors
recovery_codes       sets of recovery codes
admin_factors        what admins do with the factors of a user
composition          builds the services, those of passkeys too
events               what is reported to the audit log and by mail
factor_session       the session in which a user manages factors
phone_codes          what sends the codes of phone factors
"""
