"""The composition root: how the parts of the program are built and connected.

Modules:
    application   builds the whole program from its settings and servers
    graphql       the GraphQL schema of all domains, and what serves it
    jobs          the handlers of background jobs, and the worker that runs them
    landing_page  the page at `/`
    openapi       the OpenAPI document of all domains
    realtime      the hub, broadcasts, presence, and the pub/sub channels between processes
"""
