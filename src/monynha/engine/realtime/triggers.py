"""The triggers that write the history, derived from the declarations: who hears of which columns.

One function a table, of static SQL: statement-level, with a path of its own for one row told to one stream,
which is what most writes are. What has a stream of its own tells of its end before all that ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column

from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID
from monynha.engine.schema.resource import EventStream, Resource, column_of

_FUNCTION_OPTIONS = "security definer set search_path = '' set timezone = 'UTC'"
_DECLARATIONS = """declare
  told text;
  one_row uuid;
  one_stream uuid;
  one_new jsonb;
  one_old jsonb;
  are_many boolean;
  reached bigint;
"""
# Said here and not by a function: a call more would cost as much as the counter.
_REPORT_STREAMS = """  -- The program asks to be told on its own connections, and wakes who listens once it has
  -- committed. Never NOTIFY: it takes a lock on the whole database at commit.
  if told is not null and current_setting('monynha.report_writes', true) = 'on' then
    raise notice using message = 'monynha:' || told;
  end if;
"""
# A notice is a message of its own on the wire, and a tenth of what a plain insert costs: the program
# says which table it inserts a row into, and wakes that row's stream by itself.
_SKIP_REPORT_OF_PLAIN_INSERT = """    if current_setting('monynha.inserting_into', true) = '{table}' then
      told := null;
    end if;
"""


@dataclass(frozen=True)
class _ChangedRows:
    """A query of changed rows, and the transition table it reads; without one there is a single row."""

    query: str
    transition_table: str


def event_triggers_sql(resources: Iterable[Resource]) -> str:
    """Return the functions and triggers by which the resources' changes become history."""
    logged_resources = list(resources)
    return "\n".join(
        _table_sql(one, _propagating_resources(one, logged_resources)) for one in logged_resources if one.streams
    )


def _propagating_resources(resource: Resource, resources: list[Resource]) -> list[Resource]:
    return [
        one
        for one in resources
        if any(
            one.foreign_relations[name].target is resource
            for name in one.propagates_from
            if name in one.foreign_relations
        )
    ]


def _table_sql(resource: Resource, propagating: list[Resource]) -> str:
    table = resource.table.name
    branches = [
        _branch_sql("INSERT", _log_sql(resource, propagating, "insert", _inserted_rows(resource))),
        _branch_sql("UPDATE", _log_sql(resource, propagating, "update", _updated_rows(resource))),
    ]
    if not resource.has_own_stream:
        deleted_rows = _deleted_rows(resource, "r", "old_rows")
        branches.append(_branch_sql("DELETE", _log_sql(resource, propagating, "delete", deleted_rows)))
    body = "\n".join(branches)
    functions = [_function_sql(f"hear_{table}", body + "\n  return null;")]
    triggers = [
        _trigger_sql(table, "inserts", "after insert", "referencing new table as new_rows"),
        _trigger_sql(table, "updates", "after update", "referencing old table as old_rows new table as new_rows"),
    ]
    if resource.has_own_stream:
        delete_body = _erase_personal_data_sql(resource) + _log_sql(
            resource, propagating, "delete", _deleted_rows(resource, "old", "")
        )
        functions.append(_function_sql(f"hear_the_end_of_{table}", f"{delete_body}  return old;"))
        triggers.append(
            f"create or replace trigger history_hears_deletes before delete on public.{table} "
            f"for each row execute function monynha.hear_the_end_of_{table}();"
        )
    else:
        triggers.append(_trigger_sql(table, "deletes", "after delete", "referencing old table as old_rows"))
    return "\n".join([*functions, *triggers])


def _function_sql(name: str, body: str) -> str:
    return (
        f"create or replace function monynha.{name}() returns trigger language plpgsql {_FUNCTION_OPTIONS} as $$\n"
        f"{_DECLARATIONS}begin\n{body}\nend\n$$;\n"
        f"revoke execute on function monynha.{name}() from public;"
    )


def _trigger_sql(table: str, event: str, timing: str, referencing: str) -> str:
    return (
        f"create or replace trigger history_hears_{event} {timing} on public.{table} {referencing} "
        f"for each statement execute function monynha.hear_{table}();"
    )


def _branch_sql(verb: str, body: str) -> str:
    return f"  if tg_op = '{verb}' then\n{body}  end if;"


def _log_sql(resource: Resource, propagating: list[Resource], verb: str, rows: _ChangedRows) -> str:
    log_many = _log_many_rows_sql(resource, propagating, verb, rows)
    if propagating or len(resource.streams) > 1:
        return f"{log_many}{_REPORT_STREAMS}"
    return f"""{_select_first_row_sql(resource, rows)}  if not found then
    null;
  elsif are_many is null then
{_log_one_row_sql(resource, verb)}{_SKIP_REPORT_OF_PLAIN_INSERT.format(table=resource.table.name) if verb == "insert" else ""}  else
{log_many}  end if;
{_REPORT_STREAMS}"""


def _select_first_row_sql(resource: Resource, rows: _ChangedRows) -> str:
    """Read the first row, and whether there is another; nearly always there is none."""
    has_another = f"(select true from {rows.transition_table} offset 1 limit 1)" if rows.transition_table else "null"
    return f"""  select changed.row_id, {_stream_id_sql(resource.streams[0])}, changed.new, changed.old, {has_another}
    into one_row, one_stream, one_new, one_old, are_many from ({rows.query}) changed limit 1;
"""


def _log_one_row_sql(resource: Resource, verb: str) -> str:
    """Count and write in plain statements: half of what one for any number of rows costs."""
    kind = resource.streams[0].kind
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


def _log_many_rows_sql(resource: Resource, propagating: list[Resource], verb: str, rows: _ChangedRows) -> str:
    return f"""  with changed as ({rows.query}), source as (
    {_source_sql(resource, propagating)}
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


def _stream_id_sql(stream: EventStream) -> str:
    return f"'{GLOBAL_STREAM_ID}'::uuid" if stream.column is None else f"changed.{column_of(stream.column).name}"


def _source_sql(resource: Resource, propagating: list[Resource]) -> str:
    selects = []
    for stream in resource.streams:
        selects.append(
            f"select '{stream.kind}'::text as kind, {_stream_id_sql(stream)} as id, changed.row_id, changed.new, "
            "changed.old from changed"
        )
    for propagating_resource in propagating:
        own_stream = propagating_resource.streams[0]
        assert own_stream.column is not None
        for link_name in propagating_resource.propagates_from:
            link_column = column_of(propagating_resource.foreign_relations[link_name].column).name
            selects.append(
                f"select '{own_stream.kind}'::text, v.{column_of(own_stream.column).name}, changed.row_id, changed.new, "
                f"changed.old from changed join public.{propagating_resource.table.name} v on v.{link_column} = changed.row_id"
            )
    return "\n    union all ".join(selects)


def _key_columns_sql(resource: Resource, row: str) -> str:
    stream_columns = {column_of(one.column).name for one in resource.streams if one.column is not None}
    return ", ".join(
        [f"{row}.{resource.id_column.name} as row_id", *(f"{row}.{name}" for name in sorted(stream_columns))]
    )


def _row_json_sql(columns: Iterable[Column[object]], row: str) -> str:
    pairs = [f"'{one.name}', {row}.{one.name}" for one in columns]
    return f"jsonb_build_object({', '.join(pairs)})"


def _inserted_rows(resource: Resource) -> _ChangedRows:
    row = _row_json_sql(resource.logged_columns, "r")
    query = f"select {_key_columns_sql(resource, 'r')}, {row} as new, null::jsonb as old from new_rows r"
    return _ChangedRows(query, "new_rows")


def _updated_rows(resource: Resource) -> _ChangedRows:
    key_matches = " and ".join(f"o.{one.name} = n.{one.name}" for one in resource.primary_key)
    names = [one.name for one in resource.logged_columns]
    # What is compared is the row, not its JSON: a number that is written otherwise is the same number.
    new_columns, old_columns = (
        ", ".join(f"n.{name}" for name in names),
        ", ".join(f"o.{name}" for name in names),
    )
    differs = f"({new_columns}) is distinct from ({old_columns})"
    old_json = _row_json_sql(resource.logged_columns, "o")
    new_json = _row_json_sql(resource.logged_columns, "n")
    query = f"""select {_key_columns_sql(resource, "n")}, {new_json} as new, (
      select jsonb_object_agg(was.key, was.value) from jsonb_each({old_json}) was
      where {new_json} -> was.key is distinct from was.value
    ) as old from new_rows n join old_rows o on {key_matches} where {differs}"""
    return _ChangedRows(query, "new_rows")


def _deleted_rows(resource: Resource, row: str, transition_table: str) -> _ChangedRows:
    columns = [one for one in resource.logged_columns if not one.info["rules"].is_personal]
    query = f"select {_key_columns_sql(resource, row)}, null::jsonb as new, {_row_json_sql(columns, row)} as old"
    return _ChangedRows(f"{query} from {transition_table} {row}" if transition_table else query, transition_table)


def _erase_personal_data_sql(resource: Resource) -> str:
    """What the history knew of a person goes with them: their name, and all that only they heard."""
    personal_columns = [one.name for one in resource.logged_columns if one.info["rules"].is_personal]
    if not personal_columns:
        return ""
    names = ", ".join(f"'{name}'" for name in personal_columns)
    own_stream = resource.streams[0]
    assert own_stream.column is not None
    return f"""  update monynha.events e set new = e.new - array[{names}], old = e.old - array[{names}]
    where e.row_id = old.{resource.id_column.name} and e.resource = '{resource.plural}';
  delete from monynha.events e where e.kind = '{own_stream.kind}' and e.stream = old.{column_of(own_stream.column).name};
"""
