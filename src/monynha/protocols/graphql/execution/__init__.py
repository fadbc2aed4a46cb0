"""Execution: a document becomes one selection per root field, and one SQL statement per query.

* `document`: parsing, validation and caching of documents; coercion of variables.
* `cooperative`: parses long documents in steps, so that other requests are not held up.
* `context`: the caller and the variables of one request; argument values that are read at each request.
* `planner`: collects fields and turns them into selections; arguments of lists to filters, order, limit and cursor.
* `plan`: the plan of a query, cached by document and shape of the variables.
* `mutation_executor`: runs mutations in order.
"""
