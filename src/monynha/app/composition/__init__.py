"""The composition root: which domains there are, and how the parts of the program are built and connected.

Modules:
    application   builds the whole program from its settings and servers
    catalog       the list of domains and their resources
    graphql       the GraphQL schema of all domains, and what serves it
    landing_page  the page at `/`
    realtime      the hub, broadcasts, presence, and the pub/sub channels between processes
"""
