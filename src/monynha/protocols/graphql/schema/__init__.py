"""The GraphQL schema, derived from the catalog of resources.

* `builder`: the root types Query and Mutation, and the whole schema.
* `object_types`: scalars, enums, row and page types.
* `input_types`: arguments of lists and inputs of mutations.
* `field_bindings`: what each field reads or writes, and how domains add mutations of their own.
"""
