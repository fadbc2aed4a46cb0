"""Monynha: a self-hosted back end and board for teams that plan work together.

Layers, each of which imports from those below it only:
    app         builds, serves and maintains the program; the command `monynha`
    domains     users, projects, tasks and the others: resources, rights, actions
    protocols   HTTP, REST, GraphQL and the realtime protocols over any resource
    engine      resources, queries, mutations and the event log
    infra       PostgreSQL, Valkey, mail, and the embedded servers
    core        errors, actors, settings, serialization, logs
Beside them: migrations, the SQL of the schema by release.
"""

__version__ = "0.1.0"
