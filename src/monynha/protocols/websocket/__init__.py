"""The program's own socket protocol at `/ws`: JSON messages to authenticate, join projects and update rows.

* `endpoint`: accepts the socket and finds its access token
* `session`: one socket: authentication, joined streams, messages in both directions
* `message_parsing`: reads the fields of a client's message
* `context`: what every socket needs
"""
