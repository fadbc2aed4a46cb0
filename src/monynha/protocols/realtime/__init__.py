"""What the realtime protocols share: `/ws`, Phoenix, GraphQL subscriptions and server-sent events.

* `event_messages`: events, rows and errors as JSON messages and finished WebSocket frames
* `event_bytes`: how many bytes one event may make a connection receive
* `message_parsing`: reads the JSON object that a client sent
"""
