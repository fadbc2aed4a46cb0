"""Tokens: what proves who a client is.

access_tokens    issues and verifies JSON Web Tokens
client_grants    what an OAuth client may do, and the claims that say so
file_tokens      what a browser's cookie for files holds
refresh_tokens   signed counters of a session, and when a replaced one is still accepted
one_time_tokens  mailed links and codes, PKCE challenges and authorization codes
"""
