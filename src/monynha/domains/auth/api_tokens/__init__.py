"""API tokens: what lets a script act for a person without their password.

models: the `tokens` resource
creation: creates tokens
usage: records when tokens were last used

The text of a token and its limits: `tokens/api_tokens.py`, `tokens/token_actors.py`. PostgreSQL enforces the limits
(`auth.set_actor`).
"""
