"""Reads: a selection is compiled to one SQL statement, which returns the finished JSON in one round trip.

* `selection`: `Selection`, what is requested, as a tree over the catalog
* `parameter`: `PreparedQuery` with its `Parameter`s, executed any number of times, and its results `JsonRow` and `Page`
* `filters`: parses the value of a filter
* `cursor`: encodes and decodes the cursor of the next page
* `ordering`: sort keys, and the condition by which a page begins
* `select_builder`, `sql_fragments`: the SELECT text
* `answer_limits`, `answer_size.sql`: how large a result may be
* `compiler`: selection to statement, cached by shape
* `queries`: `Queries`, which prepares selections and executes them, within a transaction too
"""
