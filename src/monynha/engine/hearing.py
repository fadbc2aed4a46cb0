"""The triggers that write the history, derived from the declarations: who hears of which columns.

One function a table, of static SQL: statement-level, with a path of its own for one row told to one stream,
which is what most writes are. What has a stream of its own tells of its end before all that ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column

from monynha.engine.history import EVERYBODY
from monynha.engine.resource import Resource, Told, column_of

_HEAD = "security definer set search_path = '' set timezone = 'UTC'"
_DECLARED = """declare
  told text;
  one_row uuid;
  one_stream uuid;
  one_new jsonb;
  one_old jsonb;
  are_many boolean;
  reached bigint;
"""
# Said here and not by a function: a call more would cost as much as the counter.
_TELL = """  -- The program asks to be told on its own connections, and wakes who listens once it has
  -- committed. Never NOTIFY: it takes a lock on the whole database at commit.
  if told is not null and current_setting('monynha.tells', true) = 'on' then
    raise notice using message = 'monynha:' || told;
  end if;
"""
# A notice is a message of its own on the wire, and a tenth of what a plain insert costs: the program
# says which table it inserts a row into, and wakes that row's stream by itself.
_HUSH = """    if current_setting('monynha.inserts', true) = '{table}' then
      told := null;
    end if;
"""


@dataclass(frozen=True)
class _Rows:
    """A query of changed rows, and the transition table it reads; without one there is a single row."""

    query: str
    among: str


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
        _branch("INSERT", _write(resource, carriers, "insert", _inserted(resource))),
        _branch("UPDATE", _write(resource, carriers, "update", _updated(resource))),
    ]
    if not resource.is_root:
        gone = _deleted(resource, "r", "old_rows")
        branches.append(_branch("DELETE", _write(resource, carriers, "delete", gone)))
    body = "\n".join(branches)
    functions = [_function(f"hear_{table}", body + "\n  return null;")]
    triggers = [
        _trigger(table, "inserts", "after insert", "referencing new table as new_rows"),
        _trigger(table, "updates", "after update", "referencing old table as old_rows new table as new_rows"),
    ]
    if resource.is_root:
        end = _forgetting(resource) + _write(resource, carriers, "delete", _deleted(resource, "old", ""))
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
        f"{_DECLARED}begin\n{body}\nend\n$$;\n"
        f"revoke execute on function monynha.{name}() from public;"
    )


def _trigger(table: str, what: str, when: str, rows: str) -> str:
    return (
        f"create or replace trigger history_hears_{what} {when} on public.{table} {rows} "
        f"for each statement execute function monynha.hear_{table}();"
    )


def _branch(verb: str, body: str) -> str:
    return f"  if tg_op = '{verb}' then\n{body}  end if;"


def _write(resource: Resource, carriers: list[Resource], verb: str, rows: _Rows) -> str:
    many = _write_many(resource, carriers, verb, rows)
    if carriers or len(resource.told_to) > 1:
        return f"{many}{_TELL}"
    return f"""{_look_at_first(resource, rows)}  if not found then
    null;
  elsif are_many is null then
{_write_one(resource, verb)}{_HUSH.format(table=resource.table.name) if verb == "insert" else ""}  else
{many}  end if;
{_TELL}"""


def _look_at_first(resource: Resource, rows: _Rows) -> str:
    """Read the first row, and whether there is another; nearly always there is none."""
    another = f"(select true from {rows.among} offset 1 limit 1)" if rows.among else "null"
    return f"""  select changed.row_id, {_stream_id(resource.told_to[0])}, changed.new, changed.old, {another}
    into one_row, one_stream, one_new, one_old, are_many from ({rows.query}) changed limit 1;
"""


def _write_one(resource: Resource, verb: str) -> str:
    """Count and write in plain statements: half of what one for any number of rows costs."""
    kind = resource.told_to[0].kind
    return f"""  update monynha.streams set version = version + 1 where kind = '{kind}' and id = one_stream
    returning version into reached;
  if not found then
    insert into monynha.streams as s (kind, id, version) values ('{kind}', one_stream, 1)
      on conflict (kind, id) do update set version = s.version + 1 returning s.version into reached;
  end if;
  insert into monynha.events (kind, stream, version, at, resource, verb, row_id, new, old, actor)
    values ('{kind}', one_stream, reached, clock_timestamp(), '{resource.plural}', '{verb}',
      one_row, one_new, one_old, auth.uid());
  told := '{kind} ' || one_stream || ' ' || reached;
"""


def _write_many(resource: Resource, carriers: list[Resource], verb: str, rows: _Rows) -> str:
    return f"""  with changed as ({rows.query}), source as (
    {_source(resource, carriers)}
  ), placed as (
    select source.*, row_number() over (partition by kind, id order by row_id) as place,
      count(*) over (partition by kind, id) as total
    from source
  ), counted as (
    insert into monynha.streams as s (kind, id, version)
    select kind, id, count(*) from source group by kind, id order by kind, id
    on conflict (kind, id) do update set version = s.version + excluded.version
    returning s.kind, s.id, s.version
  ), written as (
    insert into monynha.events (kind, stream, version, at, resource, verb, row_id, new, old, actor)
    select c.kind, c.id, c.version - e.total + e.place, clock_timestamp(), '{resource.plural}', '{verb}',
      e.row_id, e.new, e.old, auth.uid()
    from placed e join counted c on c.kind = e.kind and c.id = e.id
  )
  select string_agg(c.kind || ' ' || c.id || ' ' || c.version, ',') into told from counted c;
"""


def _stream_id(told: Told) -> str:
    return f"'{EVERYBODY}'::uuid" if told.by is None else f"changed.{column_of(told.by).name}"


def _source(resource: Resource, carriers: list[Resource]) -> str:
    parts = []
    for told in resource.told_to:
        parts.append(
            f"select '{told.kind}'::text as kind, {_stream_id(told)} as id, changed.row_id, changed.new, "
            "changed.old from changed"
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


def _inserted(resource: Resource) -> _Rows:
    row = _json(resource.heard, "r")
    query = f"select {_keys(resource, 'r')}, {row} as new, null::jsonb as old from new_rows r"
    return _Rows(query, "new_rows")


def _updated(resource: Resource) -> _Rows:
    key = " and ".join(f"o.{one.name} = n.{one.name}" for one in resource.key)
    names = [one.name for one in resource.heard]
    # What is compared is the row, not its JSON: a number that is written otherwise is the same number.
    there, here = ", ".join(f"n.{name}" for name in names), ", ".join(f"o.{name}" for name in names)
    differs = f"({there}) is distinct from ({here})"
    before = _json(resource.heard, "o")
    after = _json(resource.heard, "n")
    query = f"""select {_keys(resource, "n")}, {after} as new, (
      select jsonb_object_agg(was.key, was.value) from jsonb_each({before}) was
      where {after} -> was.key is distinct from was.value
    ) as old from new_rows n join old_rows o on {key} where {differs}"""
    return _Rows(query, "new_rows")


def _deleted(resource: Resource, row: str, among: str) -> _Rows:
    kept = [one for one in resource.heard if not one.info["rules"].is_personal]
    query = f"select {_keys(resource, row)}, null::jsonb as new, {_json(kept, row)} as old"
    return _Rows(f"{query} from {among} {row}" if among else query, among)


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
