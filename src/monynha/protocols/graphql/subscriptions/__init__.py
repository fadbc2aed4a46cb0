"""Subscriptions: events of the realtime hub become results of a planned document.

* `schema`: the root type Subscription, derived from the streams of the catalog.
* `plan`: a subscription's document planned, and the payloads that events give it.
* `subscription`: one running subscription: event to result, in order.
* `event_budget`: what one event may make a socket receive.
* `single_flight`: fetches what hangs on an event, once for all subscribers that are shown the same.
"""
