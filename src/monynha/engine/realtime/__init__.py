"""Deliver changes of rows to subscribers: event log, triggers, hub and the classes around it.

A write leaves events in `monynha.events` in its own transaction. After the commit the hub of every process reads
them once and hands them to whoever subscribed to their stream; protocols turn them into their own messages.

* `event_log`: events and streams as values, and the queries that read them
* `event_retention`: reads and deletes old events by day, and maintains the partitions
* `triggers`: generates the SQL triggers that write events
* `hub`: subscriptions of this process; reads new events and dispatches them
* `subscriber`: what a subscriber implements; buffering and back-pressure of one subscription
* `notifier`: tells the hubs of all processes which streams a commit wrote to
* `stream_authorization`: who may subscribe to a stream
* `session_monitor`: ends a long-lived connection with its session or its access token
* `multi_stream`: subscribes to all streams of some kinds as if they were one
* `broadcast`: rooms for messages that are not stored, across processes
* `resume_token`: the opaque text by which a client resumes
* `shared_payload`: whether a payload is the same for all subscribers of a stream
"""
