-- The event log: one stream of changes for each project, for each user, and for what everybody can see.
-- The triggers that write it are generated from the resources (engine/realtime/triggers.py).

-- The counter of a stream. Its row lock makes versions gapless and orders them like the commits.
create table monynha.streams (
  kind text not null,
  id uuid not null,
  version bigint not null default 0,
  primary key (kind, id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
comment on table monynha.streams is 'The latest version of each event stream.';

-- No foreign key to the changed row: the events of a deleted row are delivered, too.
create table monynha.events (
  kind text not null,
  stream uuid not null,
  version bigint not null,
  at timestamptz not null,
  resource text not null,
  verb text not null,
  row_id uuid not null,
  new jsonb,
  old jsonb,
  actor uuid,
  -- No other constraints: only triggers write here, and PostgreSQL parses each check again for each insert.
  constraint event_version_is_unique primary key (stream, kind, version, at)
) partition by range (at);
comment on table monynha.events is 'Changes of rows, in commit order within each stream.';
-- Finds the events of a user to erase them, and when a member joined, to deliver events from then on.
create index events_row_id_at_idx on monynha.events (row_id, at) where resource in ('users', 'members');

create table monynha.events_default partition of monynha.events default;

alter table monynha.streams enable row level security;
alter table monynha.streams force row level security;
alter table monynha.events enable row level security;
alter table monynha.events force row level security;
alter table monynha.events_default enable row level security;
alter table monynha.events_default force row level security;

create function monynha.create_event_partitions(months integer) returns integer
language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  first_day date;
  created integer := 0;
begin
  for month in 0 .. months loop
    first_day := (date_trunc('month', now()) + make_interval(months => month))::date;
    continue when to_regclass(format('monynha.events_%s', to_char(first_day, 'YYYY_MM'))) is not null;
    begin
      execute format(
        'create table monynha.events_%s partition of monynha.events for values from (%L) to (%L)',
        to_char(first_day, 'YYYY_MM'), first_day, first_day + interval '1 month'
      );
    exception
      -- The default partition has rows of that month already, which stay there until they are deleted; or another
      -- process has just created the partition.
      when check_violation or duplicate_table then continue;
    end;
    execute format('alter table monynha.events_%s enable row level security', to_char(first_day, 'YYYY_MM'));
    execute format('alter table monynha.events_%s force row level security', to_char(first_day, 'YYYY_MM'));
    execute format(
      'create policy "owner role: full access for migrations and triggers" on monynha.events_%s '
      'for all to monynha_owner using (true) with check (true)',
      to_char(first_day, 'YYYY_MM')
    );
    created := created + 1;
  end loop;
  return created;
end
$$;
comment on function monynha.create_event_partitions(integer) is
  'Creates the partitions of this month and of the next months; returns how many were created.';

create function monynha.delete_old_events(before timestamptz) returns bigint
language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  partition record;
  dropped bigint := 0;
begin
  -- Rows of the month that is kept in part, and rows in the default partition.
  delete from monynha.events where at >= date_trunc('month', before) and at < before;
  delete from monynha.events_default where at < before;
  -- Last, because dropping a partition locks out all writers until the end of the transaction.
  for partition in
    select c.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'monynha.events'::regclass and c.relname ~ '^events_\d{4}_\d\d$'
      and to_date(substr(c.relname, 8), 'YYYY_MM') + interval '1 month' <= before
    order by c.relname
  loop
    execute format('drop table monynha.%I', partition.relname);
    dropped := dropped + 1;
  end loop;
  return dropped;
end
$$;
comment on function monynha.delete_old_events(timestamptz) is
  'Deletes events before a time; returns how many monthly partitions were dropped.';

-- Ended sessions and changes of accounts, in the stream of the user: they close the sockets that the user has open.

create function monynha.write_account_events(user_ids uuid[], row_ids uuid[], resource text, verb text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  versions text;
begin
  with changed as (
    select 'user'::text as kind, u.id, u.row_id, row_number() over (partition by u.id order by u.row_id) as number
    from unnest(user_ids, row_ids) as u (id, row_id)
  ), counted as (
    insert into monynha.streams as s (kind, id, version)
    select changed.kind, changed.id, count(*) from changed
    group by changed.kind, changed.id order by changed.kind, changed.id
    on conflict (kind, id) do update set version = s.version + excluded.version
    returning s.kind, s.id, s.version
  ), written as (
    insert into monynha.events (kind, stream, version, at, resource, verb, row_id, actor)
    select e.kind, e.id, c.version - (count(*) over (partition by e.id)) + e.number, clock_timestamp(),
      write_account_events.resource, write_account_events.verb, e.row_id, auth.uid()
    from changed e join counted c on c.id = e.id
  )
  select string_agg(c.kind || ' ' || c.id || ' ' || c.version, ',') into versions from counted c;
  if current_setting('monynha.report_writes', true) = 'on' then
    raise notice using message = 'monynha:' || versions;
  end if;
end
$$;
comment on function monynha.write_account_events(uuid[], uuid[], text, text) is
  'Writes events without column values to the streams of users.';

create function monynha.log_sessions_events() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from old_rows) then
    perform monynha.write_account_events(
      (select array_agg(user_id) from old_rows), (select array_agg(id) from old_rows), 'sessions', 'delete'
    );
  end if;
  return null;
end
$$;
comment on function monynha.log_sessions_events() is
  'Trigger: writes an event for each deleted session to the stream of its user.';

create trigger sessions_events_on_delete after delete on auth.sessions
  referencing old table as old_rows for each statement execute function monynha.log_sessions_events();

create function monynha.log_accounts_events() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform monynha.write_account_events(array[new.id], array[new.id], 'accounts', 'update');
  return null;
end
$$;
comment on function monynha.log_accounts_events() is
  'Trigger: writes an event to the stream of a user who is banned, deleted, or gets another system role.';

create trigger accounts_events_on_update after update of banned_until, deleted_at, app_metadata on auth.users
  for each row when (
    (old.banned_until, old.deleted_at, old.app_metadata ->> 'role')
      is distinct from (new.banned_until, new.deleted_at, new.app_metadata ->> 'role')
  ) execute function monynha.log_accounts_events();

-- Lock order, against deadlocks: rows first, then stream counters, each by id. A delete locks all rows that it deletes
-- along with its own. BEFORE triggers fire in the order of their names: the lock triggers must come before
-- <table>_events_on_delete, which takes the first counter.

create function public.lock_project_dependents() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.project_members where project_id = old.id order by user_id for update;
  perform from public.tasks where project_id = old.id order by id for update;
  return old;
end
$$;
comment on function public.lock_project_dependents() is
  'Trigger: locks the members and tasks of a project before its events are written.';
create trigger projects_before_delete_lock_dependents before delete on public.projects
  for each row execute function public.lock_project_dependents();

create function public.lock_user_dependents() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.projects where owner_id = old.id order by id for update;
  perform from public.posts where author_id = old.id order by id for update;
  perform from public.project_members m
    where m.user_id = old.id or m.project_id in (select p.id from public.projects p where p.owner_id = old.id)
    order by m.project_id, m.user_id for update;
  perform from public.tasks t
    where t.assignee_id = old.id or t.project_id in (select p.id from public.projects p where p.owner_id = old.id)
    order by t.id for update;
  insert into monynha.streams as s (kind, id)
    select kind, id from (
      select 'everybody' as kind, '00000000-0000-0000-0000-000000000000'::uuid as id
        where exists (select from public.posts where author_id = old.id)
      union select 'project', m.project_id from public.project_members m where m.user_id = old.id
      union select 'user', m.user_id from public.project_members m join public.projects p on p.id = m.project_id
        where p.owner_id = old.id
      union select 'user', old.id
    ) as stream order by kind, id
    on conflict (kind, id) do update set version = s.version;
  return old;
end
$$;
comment on function public.lock_user_dependents() is
  'Trigger: locks the rows deleted with a user, then the counters of all streams that get an event.';
create trigger users_before_delete_lock_dependents before delete on public.users
  for each row execute function public.lock_user_dependents();
