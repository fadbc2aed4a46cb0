"""HTTP routes of /auth/v1, compatible with Supabase Auth (GoTrue).

routes        all routes as one group
dependencies  authentication, the service key, the count of sign-in attempts
device_cookie  the cookie with the device tokens of a browser
request_body  reads JSON fields
paging        pages of lists
responses     JSON responses and GoTrue's error formats
serializers   accounts and sessions as JSON
token         /signup, /token, /logout
verify        /recover, /otp, /magiclink, /resend, /verify
user          /user, /reauthenticate
admin         /admin/users, /admin/generate_link, /invite
audit         /admin/audit
settings      /health, /settings, the key set
unsupported   features that are not offered
"""

from monynha.domains.auth.http.routes import route_group

__all__ = ["route_group"]
