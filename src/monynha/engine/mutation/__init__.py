"""Writes: a body is validated against the resource's declaration and written in one transaction.

* `validation`: parses the body of a create or an update, and reports all problems at once
* `custom_body`: parses the body of an operation that a domain defines itself
* `mutations`: `Mutations`, which creates, updates and deletes
* `dml`: the SQL of writes, and what a write can return of its own row
* `idempotency`: creates that are executed once however often they are sent
"""
