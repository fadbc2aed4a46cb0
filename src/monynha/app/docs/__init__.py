"""The documents that are generated from the code.

Modules:
    generate  writes docs/generated, or checks that it is up to date
    openapi   the OpenAPI document of all domains
"""
