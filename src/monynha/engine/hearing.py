"""The triggers that write the history, derived from the declarations: who hears of which columns.

One function a table, of static SQL: statement-level, with a path of its own for one row, which is what most
writes are. What has a stream of its own tells of its end before all that ends with it, row by row.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column

from monynha.engine.resource import Resource, column_of

NOBODYS_ID = "00000000-0000-0000-0000-000000000000"
"""The id of a stream of which there is only one."""

_HEAD = "security definer set search_path = '' set timezone = 'UTC'"
_COUNT_ONE = """counted as (
    insert into monynha.streams as s (kind, id, version)
    select kind, id, 1 from source order by kind, id
    on conflict (kind, id) do update set version = s.version + 1
    returning s.kind, s.id, s.version
  )"""
_COUNT_MANY = """placed as (
    select source.*, row_number() over (partition by kind, id order by row_id) as place,
      count(*) over (partition by kind, id) as total
    from source
  ), counted as (
    insert into monynha.streams as s (kind, id, version)
    select kind, id, count(*) from source group by kind, id order by kind, id
    on conflict (kind, id) do update set version = s.version + excluded.version
    returning s.kind, s.id, s.version
  )"""


def hearing_sql(resources: Iterable[Resource]) -> str:
    """Return the functions and triggers by which the resources' changes become history."""
    known = list(resources)
    return "\n".join(_hearing(one, _carriers(one, known)) for one in known if one.told_to)


def _carriers(resource: Resource, known: list[Resource]) -> list[Resource]:
    return [
        one
        for one in known
        if any(one.links[name].target is resource for name in one.carries if name in one.links)
    ]


def _hearing(resource: Resource, carriers: list[Resource]) -> str:
    table = resource.table.name
    branches = [
        _branch("INSERT", _one_or_many(resource, carriers, "insert", _inserted(resource), "new_rows")),
        _branch("UPDATE", _one_or_many(resource, carriers, "update", _updated(resource), "new_rows")),
    ]
    if not resource.is_root:
        deleted = _one_or_many(
            resource, carriers, "delete", _deleted(resource, "r", "old_rows r"), "old_rows"
        )
        branches.append(_branch("DELETE", deleted))
    body = "\n".join(branches)
    functions = [_function(f"hear_{table}", body + "\n  return null;")]
    triggers = [
        _trigger(table, "inserts", "after insert", "referencing new table as new_rows"),
        _trigger(table, "updates", "after update", "referencing old table as old_rows new table as new_rows"),
    ]
    if resource.is_root:
        end = _forgetting(resource) + _write(
            resource, carriers, "delete", _deleted(resource, "old", ""), _COUNT_ONE
        )
        functions.append(_function(f"hear_the_end_of_{table}", f"{end}  return old;"))
        triggers.append(
            f"create or replace trigger history_hears_deletes before delete on public.{table} "
            f"for each row execute function monynha.hear_the_end_of_{table}();"
        )
    else:
        triggers.append(_trigger(table, "deletes", "after delete", "referencing old table as old_rows"))
    return "\n".join([*functions, *triggers])


def _function(name: str, body: str) -> str:
    return (
        f"create or replace function monynha.{name}() returns trigger language plpgsql {_HEAD} as $$\n"
        f"declare\n  told text;\nbegin\n{body}\nend\n$$;\n"
        f"revoke execute on function monynha.{name}() from public;"
    )


def _trigger(table: str, what: str, when: str, rows: str) -> str:
    return (
        f"create or replace trigger history_hears_{what} {when} on public.{table} {rows} "
        f"for each statement execute function monynha.hear_{table}();"
    )


def _branch(verb: str, body: str) -> str:
    return f"  if tg_op = '{verb}' then\n{body}  end if;"


def _one_or_many(resource: Resource, carriers: list[Resource], verb: str, rows: str, changed: str) -> str:
    one = _write(resource, carriers, verb, rows, _COUNT_ONE)
    many = _write(resource, carriers, verb, rows, _COUNT_MANY)
    count = f"(select count(*) from (select from {changed} limit 2) as few)"
    return f"  if {count} = 1 then\n{one}  else\n{many}  end if;\n"


def _write(resource: Resource, carriers: list[Resource], verb: str, rows: str, count: str) -> str:
    is_one = count is _COUNT_ONE
    version = "c.version" if is_one else "c.version - e.total + e.place"
    return f"""  with changed as ({rows}), source as (
    {_source(resource, carriers)}
  ), {count}, written as (
    insert into monynha.events (kind, stream, version, at, resource, verb, row_id, new, old, actor)
    select c.kind, c.id, {version}, clock_timestamp(), '{resource.plural}', '{verb}',
      e.row_id, e.new, e.old, auth.uid()
    from {"source" if is_one else "placed"} e join counted c on c.kind = e.kind and c.id = e.id
  )
  select string_agg(c.kind || ' ' || c.id || ' ' || c.version, ',') into told from counted c;
  if told is not null then
    perform monynha.tell(told);
  end if;
"""


def _source(resource: Resource, carriers: list[Resource]) -> str:
    parts = []
    for told in resource.told_to:
        id = f"'{NOBODYS_ID}'::uuid" if told.by is None else f"changed.{column_of(told.by).name}"
        parts.append(
            f"select '{told.kind}'::text as kind, {id} as id, changed.row_id, changed.new, changed.old "
            "from changed"
        )
    for carrier in carriers:
        first = carrier.told_to[0]
        assert first.by is not None
        for name in carrier.carries:
            by = column_of(carrier.links[name].by).name
            parts.append(
                f"select '{first.kind}'::text, v.{column_of(first.by).name}, changed.row_id, changed.new, "
                f"changed.old from changed join public.{carrier.table.name} v on v.{by} = changed.row_id"
            )
    return "\n    union all ".join(parts)


def _keys(resource: Resource, row: str) -> str:
    by = {column_of(one.by).name for one in resource.told_to if one.by is not None}
    return ", ".join([f"{row}.{resource.own_key.name} as row_id", *(f"{row}.{name}" for name in sorted(by))])


def _json(columns: Iterable[Column[object]], row: str) -> str:
    pairs = [f"'{one.name}', {row}.{one.name}" for one in columns]
    return f"jsonb_build_object({', '.join(pairs)})"


def _inserted(resource: Resource) -> str:
    row = _json(resource.heard, "r")
    return f"select {_keys(resource, 'r')}, {row} as new, null::jsonb as old from new_rows r"


def _updated(resource: Resource) -> str:
    key = " and ".join(f"o.{one.name} = n.{one.name}" for one in resource.key)
    names = [one.name for one in resource.heard]
    # What is compared is the row, not its JSON: a number that is written otherwise is the same number.
    there, here = ", ".join(f"n.{name}" for name in names), ", ".join(f"o.{name}" for name in names)
    differs = f"({there}) is distinct from ({here})"
    before = _json(resource.heard, "o")
    after = _json(resource.heard, "n")
    return f"""select {_keys(resource, "n")}, {after} as new, (
      select jsonb_object_agg(was.key, was.value) from jsonb_each({before}) was
      where {after} -> was.key is distinct from was.value
    ) as old from new_rows n join old_rows o on {key} where {differs}"""


def _deleted(resource: Resource, row: str, source: str) -> str:
    kept = [one for one in resource.heard if not one.info["rules"].is_personal]
    tail = f" from {source}" if source else ""
    return f"select {_keys(resource, row)}, null::jsonb as new, {_json(kept, row)} as old{tail}"


def _forgetting(resource: Resource) -> str:
    """What the history knew of a person goes with them: their name, and all that only they heard."""
    personal = [one.name for one in resource.heard if one.info["rules"].is_personal]
    if not personal:
        return ""
    names = ", ".join(f"'{name}'" for name in personal)
    own = resource.told_to[0]
    assert own.by is not None
    return f"""  update monynha.events e set new = e.new - array[{names}], old = e.old - array[{names}]
    where e.row_id = old.{resource.own_key.name} and e.resource = '{resource.plural}';
  delete from monynha.events e where e.kind = '{own.kind}' and e.stream = old.{column_of(own.by).name};
"""
