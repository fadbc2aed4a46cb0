"""The REST API: routes, query parameters, validation and responses for every resource of the catalog.

* `resource_routes`: which method and path stand for which operation
* `routes`: the route group `/api/v1`, with handlers and middleware
* `middleware`: rate limit, and the check of the session before an error
* `context`: what handlers need, and the parsing of paths and bodies
* `read_handlers`: the read path, from request to response
* `write_handlers`: create, update and delete
* `query_params`: query parameters to a selection
* `etag`: entity tags and conditional requests
* `sse`: the events of one row's stream as server-sent events
* `endpoint_docs`: documents endpoints that are not derived
"""
