-- Schedules, what their jobs store (weekly reports, analytics), and the deletion of old events day by day.

-- Whoever inserts a tick enqueues its job in the same transaction, so that each tick has one job, however many
-- schedulers run. Kept for good: a year has fewer than a thousand.
create table monynha.schedule_runs (
  schedule text not null,
  tick timestamptz not null,
  -- Null for the tick at which a new schedule started. No foreign key: jobs are deleted some time after they are done.
  job_id uuid,
  enqueued_at timestamptz,
  primary key (schedule, tick)
);
comment on table monynha.schedule_runs is 'The ticks of schedules that have been run.';

-- Written in the transaction that enqueues the mail, so that each owner gets one report of a week.
create table monynha.weekly_reports (
  owner_id uuid not null references public.users (id) on delete cascade,
  -- The Monday of the week that is reported.
  week date not null,
  created_at timestamptz not null default now(),
  primary key (owner_id, week)
);
comment on table monynha.weekly_reports is 'Weekly reports that were mailed to the owners of projects.';

create table monynha.analytics (
  period text not null,
  -- The day, or the first day of the month.
  starts_on date not null,
  -- At the end of the period, but for the jobs that ended in it.
  users bigint not null,
  projects bigint not null,
  storage_bytes bigint not null,
  jobs bigint not null,
  -- During the period, from its events; null where these had been deleted before they were counted.
  active_users bigint,
  tasks_created bigint,
  tasks_done bigint,
  computed_at timestamptz not null default now(),
  constraint analytics_period_is_known check (period in ('day', 'month')),
  primary key (period, starts_on)
);
comment on table monynha.analytics is 'How much the whole system is used, by day and by month.';

alter table monynha.schedule_runs enable row level security;
alter table monynha.schedule_runs force row level security;
alter table monynha.weekly_reports enable row level security;
alter table monynha.weekly_reports force row level security;
alter table monynha.analytics enable row level security;
alter table monynha.analytics force row level security;

-- The reports need to know of an account whether mail may be sent to it and in which language, nothing else of its row.
create function auth.recipient_locale(user_id uuid) returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(left(u.user_metadata ->> 'locale', 35), '') from auth.users u
    where u.id = recipient_locale.user_id
      and u.email_confirmed_at is not null
      and u.deleted_at is null
      and (u.banned_until is null or u.banned_until <= now())
  );
end
$$;
comment on function auth.recipient_locale(uuid) is
  'The language that an account chose, empty if none; null if it is not confirmed, banned or deleted.';
revoke execute on function auth.recipient_locale(uuid) from public;

create function monynha.analytics_between(first_day date, last_day date) returns json
language plpgsql stable set search_path = '' as $$
begin
  return (
    select json_build_object(
      'from', first_day,
      'to', last_day,
      'days', coalesce(
        json_agg(json_build_object(
          'date', a.starts_on, 'users', a.users, 'activeUsers', a.active_users, 'projects', a.projects,
          'tasksCreated', a.tasks_created, 'tasksDone', a.tasks_done, 'storageBytes', a.storage_bytes, 'jobs', a.jobs
        ) order by a.starts_on) filter (where a.period = 'day'),
        '[]'
      ),
      'months', coalesce(
        json_agg(json_build_object(
          'month', to_char(a.starts_on, 'YYYY-MM'), 'users', a.users, 'activeUsers', a.active_users,
          'projects', a.projects, 'tasksCreated', a.tasks_created, 'tasksDone', a.tasks_done,
          'storageBytes', a.storage_bytes, 'jobs', a.jobs
        ) order by a.starts_on) filter (where a.period = 'month'),
        '[]'
      )
    )
    from monynha.analytics a
    where a.period = 'day' and a.starts_on between first_day and last_day
      or a.period = 'month' and a.starts_on between date_trunc('month', first_day::timestamp)::date and last_day
  );
end
$$;
comment on function monynha.analytics_between(date, date) is
  'The analytics that the caller can see: of the days in a range, and of the months that overlap it.';
revoke execute on function monynha.analytics_between(date, date) from public;

-- With the rights of the caller, whom the policy lets see the rows: only admins. A GraphQL Int has 32 bits, so stored
-- bytes are megabytes there.
create view public.analytics with (security_invoker) as
  select
    md5(a.period || a.starts_on)::uuid as id,
    a.period,
    a.starts_on::timestamp at time zone 'UTC' as starts_at,
    a.users,
    a.active_users,
    a.projects,
    a.tasks_created,
    a.tasks_done,
    (a.storage_bytes + 999999) / 1000000 as storage_megabytes,
    a.jobs,
    (extract(epoch from a.computed_at) * 1000000)::bigint as version
  from monynha.analytics a;
comment on view public.analytics is 'Analytics as system admins see them.';

-- Events are written to the object store by day and then deleted, each day in one transaction.

drop function monynha.delete_old_events(timestamptz);

create function monynha.delete_events_of_day(day date) returns bigint
language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  deleted bigint;
begin
  delete from monynha.events where at >= day::timestamptz and at < (day + 1)::timestamptz;
  get diagnostics deleted = row_count;
  return deleted;
end
$$;
comment on function monynha.delete_events_of_day(date) is
  'Deletes the events of a day in UTC, and returns how many there were.';

create function monynha.drop_empty_event_partitions(before timestamptz) returns integer
language plpgsql security definer set search_path = '' set timezone = 'UTC' as $$
declare
  partition record;
  has_rows boolean;
  dropped integer := 0;
begin
  for partition in
    select c.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'monynha.events'::regclass and c.relname ~ '^events_\d{4}_\d\d$'
      and to_date(substr(c.relname, 8), 'YYYY_MM') + interval '1 month' <= before
    order by c.relname
  loop
    execute format('select exists (select from monynha.%I)', partition.relname) into has_rows;
    continue when has_rows;
    -- The table before its partition, as writers lock them; they wait until the end of the transaction.
    lock table monynha.events in access exclusive mode;
    execute format('select exists (select from monynha.%I)', partition.relname) into has_rows;
    continue when has_rows;
    execute format('drop table monynha.%I', partition.relname);
    dropped := dropped + 1;
  end loop;
  return dropped;
end
$$;
comment on function monynha.drop_empty_event_partitions(timestamptz) is
  'Drops the monthly partitions before a time that have no rows left; returns how many.';
revoke execute on function monynha.delete_events_of_day(date), monynha.drop_empty_event_partitions(timestamptz)
  from public;
