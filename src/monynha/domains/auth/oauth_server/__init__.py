"""OAuth 2.1 authorization server: applications act for a person, with scopes that the person consents to.

composition       builds its services (`OAuthServer`)
errors            errors with GoTrue's codes, and those of RFC 6749
scopes            the scopes and what they are called
redirect_uris     which redirect URIs may be registered, and which requested one is a registered one
clients           client values and their rows
registration      validates the metadata of a client
client_service    registers, changes, deletes and authenticates clients
authorizations    requests for authorization: their rows and states
authorization_service  starts, shows, approves and denies them
grant_service     exchanges codes, refreshes and revokes tokens
consents          what a person has allowed, and how they take it back
consent_factors   how people confirm by a second factor at the consent page
consent_sessions  who is signed in at the consent page
identity_claims   what a client learns about the person, by scope
id_tokens         what tells a client who has signed in, verifiable by our public keys
metadata          the documents by which clients find the endpoints
"""
