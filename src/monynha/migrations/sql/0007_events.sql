-- The one history: what happened to each project, to each person, and to what everybody sees.
-- The triggers that write it are derived from the resources' declarations (engine/realtime/triggers.py).

-- A stream's counter. Its row lock makes versions gapless and puts them in the order of the commits.
create table monynha.streams (
  kind text not null,
  id uuid not null,
  version bigint not null default 0,
  primary key (kind, id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
comment on table monynha.streams is 'How far each stream of the history has come.';

-- No foreign key to what an event tells of: the last events of what is gone are heard too.
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
  -- No more constraints: triggers alone write here, and each check is parsed anew for each event.
  constraint "event_version_is_unique" primary key (stream, kind, version, at)
) partition by range (at);
comment on table monynha.events is 'What happened, in the order in which it was committed within each stream.';
-- What happened to people themselves is found to be forgotten, and when they came, to be told from there on.
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
  first date;
  made integer := 0;
begin
  for ahead in 0 .. months loop
    first := (date_trunc('month', now()) + make_interval(months => ahead))::date;
    continue when to_regclass(format('monynha.events_%s', to_char(first, 'YYYY_MM'))) is not null;
    begin
      execute format(
        'create table monynha.events_%s partition of monynha.events for values from (%L) to (%L)',
        to_char(first, 'YYYY_MM'), first, first + interval '1 month'
      );
    exception
      -- What came before the partition stays in the default one until it is forgotten; or another was faster.
      when check_violation or duplicate_table then continue;
    end;
    execute format('alter table monynha.events_%s enable row level security', to_char(first, 'YYYY_MM'));
    execute format('alter table monynha.events_%s force row level security', to_char(first, 'YYYY_MM'));
    execute format(
      'create policy "owner role: full access for migrations and triggers" on monynha.events_%s for all to monynha_owner using (true) with check (true)',
      to_char(first, 'YYYY_MM')
    );
    made := made + 1;
  end loop;
  return made;
end
$$;
comment on function monynha.create_event_partitions(integer) is 'Makes the partitions of this month and so many more.';

create function monynha.delete_old_events(before timestamptz) returns bigint
language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  one record;
  gone bigint := 0;
begin
  -- Of the month that is kept in part, and of what came before there was a partition for it.
  delete from monynha.events where at >= date_trunc('month', before) and at < before;
  delete from monynha.events_default where at < before;
  -- Last, for it keeps everybody from writing until the end of the transaction.
  for one in
    select c.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'monynha.events'::regclass and c.relname ~ '^events_\d{4}_\d\d$'
      and to_date(substr(c.relname, 8), 'YYYY_MM') + interval '1 month' <= before
    order by c.relname
  loop
    execute format('drop table monynha.%I', one.relname);
    gone := gone + 1;
  end loop;
  return gone;
end
$$;
comment on function monynha.delete_old_events(timestamptz) is 'Forgets what happened before a moment; returns how many whole months went at once.';

-- A person's sign-outs, and what happens to their account, in their own stream: it cuts off what they have open.

create function monynha.write_account_events(ids uuid[], rows uuid[], what text, verb text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  told text;
begin
  with gone as (
    select 'user'::text as kind, person.id, person.row_id, row_number() over (partition by person.id order by person.row_id) as place
    from unnest(ids, rows) as person (id, row_id)
  ), counted as (
    insert into monynha.streams as s (kind, id, version)
    select gone.kind, gone.id, count(*) from gone group by gone.kind, gone.id order by gone.kind, gone.id
    on conflict (kind, id) do update set version = s.version + excluded.version
    returning s.kind, s.id, s.version
  ), written as (
    insert into monynha.events (kind, stream, version, at, resource, verb, row_id, actor)
    select g.kind, g.id, c.version - (count(*) over (partition by g.id)) + g.place, clock_timestamp(), what, write_account_events.verb, g.row_id, auth.uid()
    from gone g join counted c on c.id = g.id
  )
  select string_agg(c.kind || ' ' || c.id || ' ' || c.version, ',') into told from counted c;
  if current_setting('monynha.report_writes', true) = 'on' then
    raise notice using message = 'monynha:' || told;
  end if;
end
$$;
comment on function monynha.write_account_events(uuid[], uuid[], text, text) is 'Writes events without values to the streams of people.';

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
comment on function monynha.log_sessions_events() is 'A session that ended is heard by whoever it belonged to.';

create trigger history_hears_deletes after delete on auth.sessions
  referencing old table as old_rows for each statement execute function monynha.log_sessions_events();

create function monynha.log_accounts_events() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform monynha.write_account_events(array[new.id], array[new.id], 'accounts', 'update');
  return null;
end
$$;
comment on function monynha.log_accounts_events() is 'A ban, or another system role, is heard by whom it concerns.';

create trigger history_hears_updates after update of banned_until, deleted_at, app_metadata on auth.users
  for each row when (
    (old.banned_until, old.deleted_at, old.app_metadata ->> 'role')
      is distinct from (new.banned_until, new.deleted_at, new.app_metadata ->> 'role')
  ) execute function monynha.log_accounts_events();

-- Locks in one order: rows first, then counters, each by id. What a delete takes along is locked before it.

create function public.lock_project_dependents() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.project_members where project_id = old.id order by user_id for update;
  perform from public.tasks where project_id = old.id order by id for update;
  return old;
end
$$;
comment on function public.lock_project_dependents() is 'Locks what goes with a project before the first counter is taken.';
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
    ) as taken order by kind, id
    on conflict (kind, id) do update set version = s.version;
  return old;
end
$$;
comment on function public.lock_user_dependents() is 'Locks what goes with a person, then every counter it will take, each in order.';
create trigger users_before_delete_lock_dependents before delete on public.users
  for each row execute function public.lock_user_dependents();
