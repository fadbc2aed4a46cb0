"""Generate the SQL triggers that write events, from the resources' declarations of streams and columns.

Each table gets one function of static SQL for its statement-level triggers. The function has a separate path for one
row of one stream, which is what most writes are. The deletion of a row that has its own stream is logged by a trigger
before the delete, so that its event precedes those of the rows that are deleted with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column

from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID
from monynha.engine.schema.resource import EventStream, Resource, column_of

_FUNCTION_OPTIONS = "security definer set search_path = '' set timezone = 'UTC'"
_DECLARATIONS = """declare
  written_streams text;
  first_row_id uuid;
  first_stream_id uuid;
  first_new jsonb;
  first_old jsonb;
  has_more_rows boolean;
  stream_version bigint;
"""
# Inlined: a function call would cost as much as the update of the counter.
_REPORT_STREAMS = """  -- The program turns this on for its own connections and notifies subscribers after the commit.
  -- NOTIFY is no alternative: it takes a lock on the whole database at commit.
  if written_streams is not null and current_setting('monynha.report_writes', true) = 'on' then
    raise notice using message = 'monynha:' || written_streams;
  end if;
"""
# A notice is a message of its own in the protocol and costs a tenth of a plain insert. For such an insert the
# program sets the name of the table and notifies the row's own stream without being told.
_SKIP_REPORT_OF_PLAIN_INSERT = """    if current_setting('monynha.inserting_into', true) = '{table}' then
      written_streams := null;
    end if;
"""


@dataclass(frozen=True)
class _ChangedRows:
    """A query of the changed rows and the transition table that it reads; empty in a row-level trigger."""

    query: str
    transition_table: str


def event_triggers_sql(resources: Iterable[Resource]) -> str:
    """Return the functions and triggers that write events for every resource that has streams."""
    all_resources = list(resources)
    return "\n".join(
        _table_sql(resource, _propagating_resources(resource, all_resources))
        for resource in all_resources
        if resource.streams
    )


def _propagating_resources(resource: Resource, resources: list[Resource]) -> list[Resource]:
    """Return the resources whose streams also get the changes of a resource, through a relation to it."""
    return [
        other
        for other in resources
        if any(
            other.foreign_relations[name].target is resource
            for name in other.propagates_from
            if name in other.foreign_relations
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
    functions = [_function_sql(f"log_{table}_events", body + "\n  return null;")]
    triggers = [
        _trigger_sql(table, "insert", "after insert", "referencing new table as new_rows"),
        _trigger_sql(table, "update", "after update", "referencing old table as old_rows new table as new_rows"),
    ]
    if resource.has_own_stream:
        delete_body = _erase_personal_data_sql(resource) + _log_sql(
            resource, propagating, "delete", _deleted_rows(resource, "old", "")
        )
        functions.append(_function_sql(f"log_{table}_deletion", f"{delete_body}  return old;"))
        triggers.append(
            f"create or replace trigger {table}_events_on_delete before delete on public.{table} "
            f"for each row execute function monynha.log_{table}_deletion();"
        )
    else:
        triggers.append(_trigger_sql(table, "delete", "after delete", "referencing old table as old_rows"))
    return "\n".join([*functions, *triggers])


def _function_sql(name: str, body: str) -> str:
    return (
        f"create or replace function monynha.{name}() returns trigger language plpgsql {_FUNCTION_OPTIONS} as $$\n"
        f"{_DECLARATIONS}begin\n{body}\nend\n$$;\n"
        f"revoke execute on function monynha.{name}() from public;"
    )


def _trigger_sql(table: str, event: str, timing: str, referencing: str) -> str:
    return (
        f"create or replace trigger {table}_events_on_{event} {timing} on public.{table} {referencing} "
        f"for each statement execute function monynha.log_{table}_events();"
    )


def _branch_sql(verb: str, body: str) -> str:
    return f"  if tg_op = '{verb}' then\n{body}  end if;"


def _log_sql(resource: Resource, propagating: list[Resource], verb: str, rows: _ChangedRows) -> str:
    log_many = _log_many_rows_sql(resource, propagating, verb, rows)
    skip_report = _SKIP_REPORT_OF_PLAIN_INSERT.format(table=resource.table.name) if verb == "insert" else ""
    if propagating or len(resource.streams) > 1:
        return f"{log_many}{_REPORT_STREAMS}"
    return f"""{_select_first_row_sql(resource, rows)}  if not found then
    null;
  elsif has_more_rows is null then
{_log_single_row_sql(resource, verb)}{skip_report}  else
{log_many}  end if;
{_REPORT_STREAMS}"""


def _select_first_row_sql(resource: Resource, rows: _ChangedRows) -> str:
    """Read the first row and whether there are more; nearly always there is one."""
    has_another = f"(select true from {rows.transition_table} offset 1 limit 1)" if rows.transition_table else "null"
    return f"""  select changed.row_id, {_stream_id_sql(resource.streams[0])}, changed.new, changed.old, {has_another}
    into first_row_id, first_stream_id, first_new, first_old, has_more_rows from ({rows.query}) changed limit 1;
"""


def _log_single_row_sql(resource: Resource, verb: str) -> str:
    """Log one row in plain statements, at half the cost of the statement for any number of rows."""
    kind = resource.streams[0].kind
    return f"""  update monynha.streams set version = version + 1 where kind = '{kind}' and id = first_stream_id
    returning version into stream_version;
  if not found then
    insert into monynha.streams as s (kind, id, version) values ('{kind}', first_stream_id, 1)
      on conflict (kind, id) do update set version = s.version + 1 returning s.version into stream_version;
  end if;
  insert into monynha.events (kind, stream, version, at, resource, verb, row_id, new, old, actor)
    values ('{kind}', first_stream_id, stream_version, clock_timestamp(), '{resource.plural}', '{verb}',
      first_row_id, first_new, first_old, auth.uid());
  written_streams := '{kind} ' || first_stream_id || ' ' || stream_version;
"""


def _log_many_rows_sql(resource: Resource, propagating: list[Resource], verb: str, rows: _ChangedRows) -> str:
    return f"""  with changed as ({rows.query}), source as (
    {_source_sql(resource, propagating)}
  ), numbered as (
    select source.*, row_number() over (partition by kind, id order by row_id) as row_number,
      count(*) over (partition by kind, id) as total
    from source
  ), counted as (
    insert into monynha.streams as s (kind, id, version)
    select kind, id, count(*) from source group by kind, id order by kind, id
    on conflict (kind, id) do update set version = s.version + excluded.version
    returning s.kind, s.id, s.version
  ), written as (
    insert into monynha.events (kind, stream, version, at, resource, verb, row_id, new, old, actor)
    select c.kind, c.id, c.version - e.total + e.row_number, clock_timestamp(), '{resource.plural}', '{verb}',
      e.row_id, e.new, e.old, auth.uid()
    from numbered e join counted c on c.kind = e.kind and c.id = e.id
  )
  select string_agg(c.kind || ' ' || c.id || ' ' || c.version, ',') into written_streams from counted c;
"""


def _stream_id_sql(stream: EventStream) -> str:
    return f"'{GLOBAL_STREAM_ID}'::uuid" if stream.column is None else f"changed.{_stream_column(stream)}"


def _stream_column(stream: EventStream) -> str:
    """Return the column that holds the stream's id; ValueError for the stream of a kind that exists once."""
    if stream.column is None:
        raise ValueError(f"{stream.kind}: the stream of a row needs a column")
    return column_of(stream.column).name


def _source_sql(resource: Resource, propagating: list[Resource]) -> str:
    selects = []
    for stream in resource.streams:
        selects.append(
            f"select '{stream.kind}'::text as kind, {_stream_id_sql(stream)} as id, changed.row_id, changed.new, "
            "changed.old from changed"
        )
    for other in propagating:
        own_stream = other.streams[0]
        for name in other.propagates_from:
            foreign_key = column_of(other.foreign_relations[name].column).name
            selects.append(
                f"select '{own_stream.kind}'::text, v.{_stream_column(own_stream)}, changed.row_id, changed.new, "
                f"changed.old from changed join public.{other.table.name} v on v.{foreign_key} = changed.row_id"
            )
    return "\n    union all ".join(selects)


def _key_columns_sql(resource: Resource, row: str) -> str:
    stream_columns = {_stream_column(stream) for stream in resource.streams if stream.column is not None}
    return ", ".join(
        [f"{row}.{resource.id_column.name} as row_id", *(f"{row}.{name}" for name in sorted(stream_columns))]
    )


def _row_json_sql(columns: Iterable[Column[object]], row: str) -> str:
    pairs = [f"'{column.name}', {row}.{column.name}" for column in columns]
    return f"jsonb_build_object({', '.join(pairs)})"


def _inserted_rows(resource: Resource) -> _ChangedRows:
    row = _row_json_sql(resource.logged_columns, "r")
    query = f"select {_key_columns_sql(resource, 'r')}, {row} as new, null::jsonb as old from new_rows r"
    return _ChangedRows(query, "new_rows")


def _updated_rows(resource: Resource) -> _ChangedRows:
    key_matches = " and ".join(f"o.{column.name} = n.{column.name}" for column in resource.primary_key)
    names = [column.name for column in resource.logged_columns]
    # The columns are compared and not their JSON, since equal numbers can have different text.
    new_columns, old_columns = (
        ", ".join(f"n.{name}" for name in names),
        ", ".join(f"o.{name}" for name in names),
    )
    differs = f"({new_columns}) is distinct from ({old_columns})"
    old_json = _row_json_sql(resource.logged_columns, "o")
    new_json = _row_json_sql(resource.logged_columns, "n")
    query = f"""select {_key_columns_sql(resource, "n")}, {new_json} as new, (
      select jsonb_object_agg(former.key, former.value) from jsonb_each({old_json}) former
      where {new_json} -> former.key is distinct from former.value
    ) as old from new_rows n join old_rows o on {key_matches} where {differs}"""
    return _ChangedRows(query, "new_rows")


def _deleted_rows(resource: Resource, row: str, transition_table: str) -> _ChangedRows:
    columns = [column for column in resource.logged_columns if not column.info["rules"].is_personal]
    query = f"select {_key_columns_sql(resource, row)}, null::jsonb as new, {_row_json_sql(columns, row)} as old"
    return _ChangedRows(f"{query} from {transition_table} {row}" if transition_table else query, transition_table)


def _erase_personal_data_sql(resource: Resource) -> str:
    """Erase the personal columns of a deleted row from its events, and the events of its private stream."""
    personal_columns = [column.name for column in resource.logged_columns if column.info["rules"].is_personal]
    if not personal_columns:
        return ""
    names = ", ".join(f"'{name}'" for name in personal_columns)
    own_stream = resource.streams[0]
    return f"""  update monynha.events e set new = e.new - array[{names}], old = e.old - array[{names}]
    where e.row_id = old.{resource.id_column.name} and e.resource = '{resource.plural}';
  delete from monynha.events e where e.kind = '{own_stream.kind}' and e.stream = old.{_stream_column(own_stream)};
"""
