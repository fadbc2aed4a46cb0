"""What every layer uses and that imports nothing of ours.

- `actor`: on whose behalf a statement runs.
- `request_context`: where the current request comes from.
- `errors`: the error tree.
- `clock`: the current time, as a parameter.
- `hashes`: keys derived from the secret, and what is stored of tokens.
- `serialization`: names, JSON, UUIDs and timestamps as clients see them.
- `settings/`: the settings of the program.
- `locales`: the languages of what is written to people.
- `lru_cache`: a cache of bounded size.
- `weak_secrets`: keys and passwords that can be guessed.
- `logs`: set-up of logging.
- `log_writer`: writes log lines in batches from a thread.
"""
