"""The settings of the program: declared once, read once at the start, checked, and passed down.

Modules:
    account_settings  the settings of accounts without an address, and of changed passwords
    declaration    how one setting is declared, and how its text becomes a value
    dotenv_file    reads the `.env` file of the working directory
    oauth_providers  the settings of the providers that people sign in with
    settings       every setting of the program, and the rules that span several of them
    sign_in_settings  the settings of passwords, second factors, tokens and applications
    setting_types  what a setting accepts: numbers, durations, limits, URLs, origins …
"""
