"""The commands of `monynha`, one module each; a module is imported only when its command runs.

Commands:
    audit           checks that the audit log was not changed
    backup          writes the database to a folder
    create_admin    makes an account a system admin
    demo            fills the database with example data
    doctor          checks settings, servers and rights
    graphql_schema  prints the GraphQL schema
    jobs            lists, shows, retries, cancels and purges background jobs
    keys            prints the URL and API keys for clients
    migrate         brings the database to this release
    openapi         prints the OpenAPI document
    restore         restores a backup into an empty database
    schedules       lists schedules, and runs one now
    serve           runs the program
    set_password    sets the password of an account

Shared by them:
    command_context  servers, database and accounts for the time of a command
    options          options that several commands have, and how they read settings
"""
