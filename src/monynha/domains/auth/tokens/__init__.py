"""Tokens: what proves who a client is.

access_tokens    issues and verifies JSON Web Tokens
device_tokens    show that somebody signed in on a device before
refresh_tokens   signed counters of a session, and when a replaced one is still accepted
one_time_tokens  mailed links and codes, PKCE challenges and authorization codes
"""
