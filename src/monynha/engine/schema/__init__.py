"""What exists: columns, resources and the relations between them. Everything else is derived from these.

* `columns`: declares a row class's columns, with the rules for their values
* `resource`: `Resource` with its fields, filters, relations and event streams
* `catalog`: `Catalog`, all resources and relations
* `ephemeral`: events that are broadcast and not stored
* `grants`: column grants as SQL, for `monynha migrate`
"""
