"""The engine: resources, queries, mutations and event streams on PostgreSQL, without any protocol or domain.

* `schema`: declares columns, resources and their relations
* `query`: selections to SQL, and the finished JSON as the result
* `mutation`: validated writes, each in one transaction
* `realtime`: the event log, and its subscribers
"""
