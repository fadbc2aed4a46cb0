"""The benchmark of the README: this program beside its limit and its peers, on the same database."""
