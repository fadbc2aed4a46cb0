"""Tokens: what proves who a client is.

access_tokens    issues and verifies JSON Web Tokens
api_keys         the API keys of the new form
api_tokens       the text of API tokens
jws, jwk         signatures and keys in JSON
signing_keys     which key signs and which verify; signing_key_store: in the database; key_refresh: kept up to date
foreign_issuer   the keys of a hosted Supabase
token_actors     the actor that a token stands for
file_tokens      what a browser's cookie for files holds
client_grants    what an OAuth client may do, and the claims that say so
device_tokens    show that somebody signed in on a device before
refresh_tokens   signed counters of a session, and when a replaced one is still accepted
secret_box       encrypts what is stored and must be readable again
sealing          encrypts what is handed over once with a key that is not kept
one_time_tokens  mailed links and codes, PKCE challenges and authorization codes
"""
