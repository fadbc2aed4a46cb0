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
api_tokens    /api/v1/tokens
providers     /authorize, /callback
identities    /user/identities
id_token_grant  a grant of /token
redirects     redirects of a browser to the site
admin         /admin/users, /admin/generate_link, /invite
factors         /factors
recovery_codes  /factors/recovery-codes
passkeys        /passkeys
admin_factors   /admin/users/{id}/factors and /passkeys
oauth_authorizations  /oauth/authorize, /oauth/authorizations, /user/oauth/grants
oauth_token   /oauth/token, /oauth/revoke, /oauth/userinfo, /oauth/clients/register
oauth_clients /admin/oauth/clients
oauth_metadata  the documents by which OAuth clients find the endpoints
audit         /admin/audit
settings      /health, /settings, the key set
unsupported   features that are not offered
"""

from monynha.domains.auth.http.routes import route_group, site_route_group

__all__ = ["route_group", "site_route_group"]
