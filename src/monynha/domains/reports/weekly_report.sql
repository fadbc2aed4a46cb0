-- The reports of a week for those of the users $3 who get one, each as one JSON object.
-- $1 the Monday of the week, $2 the time as of which tasks are open or overdue, $4 how many projects of an owner at
-- most. Runs as the system actor "reports".

with week as (
  select $1::date as first_day,
    ($1::date - 7)::timestamp at time zone 'UTC' as before,
    $1::date::timestamp at time zone 'UTC' as start,
    ($1::date + 7)::timestamp at time zone 'UTC' as finish,
    $2::timestamptz as now,
    $2::timestamptz - interval '7 days' as week_ago
),
-- Active projects that changed within the two weeks, of owners who may get mail and have not got this report yet.
owners as (
  select u.id, u.email, account.locale
  from week w
  cross join public.users u
  cross join lateral (select auth.recipient_locale(u.id) as locale) account
  where u.id = any ($3::uuid[])
    and u.email is not null
    and u.email_verified
    and not exists (select from monynha.weekly_reports r where r.owner_id = u.id and r.week = w.first_day)
    and not exists (select from monynha.report_unsubscriptions s where s.owner_id = u.id)
    and exists (
      select from public.projects p
      where p.owner_id = u.id
        and p.status = 'active'
        and (p.settings -> 'weeklyReport') is distinct from 'false'::jsonb
        and exists (
          select from monynha.events e
          where e.kind = 'project' and e.stream = p.id and e.at >= w.before and e.at < w.finish
        )
    )
    and account.locale is not null
),
reported as (
  select p.id, p.name, p.owner_id, row_number() over (partition by p.owner_id order by p.created_at desc, p.id) as number
  from week w
  cross join owners o
  join public.projects p on p.owner_id = o.id
  where p.status = 'active'
    and (p.settings -> 'weeklyReport') is distinct from 'false'::jsonb
    and exists (
      select from monynha.events e
      where e.kind = 'project' and e.stream = p.id and e.at >= w.before and e.at < w.finish
    )
),
batch as (
  select * from reported where number <= $4::integer
),
task_events as (
  select e.stream as project_id, e.row_id, e.version, e.at, e.verb, e.new, e.old
  from week w
  cross join batch b
  join monynha.events e on e.kind = 'project' and e.stream = b.id
  where e.resource = 'tasks' and e.at >= w.before
),
-- Done: the last change of the status of each task in each of the two weeks.
last_changes as (
  select distinct on (e.project_id, e.row_id, e.at >= w.start)
    e.project_id,
    e.at >= w.start as is_this_week,
    (e.at at time zone 'UTC')::date - w.first_day as day,
    e.verb,
    e.new ->> 'status' as status,
    (e.new ->> 'assignee_id')::uuid as assignee_id
  from week w
  cross join task_events e
  where e.at < w.finish and (e.verb <> 'update' or e.old ? 'status')
  order by e.project_id, e.row_id, e.at >= w.start, e.version desc
),
done as (
  select * from last_changes where verb <> 'delete' and status = 'done'
),
-- Open a week ago: what the first change since then says of the time before it, else what is there now.
first_statuses as (
  select distinct on (e.project_id, e.row_id) e.project_id, e.row_id, e.verb, e.old ->> 'status' as status
  from week w
  cross join task_events e
  where e.at >= w.week_ago and (e.verb <> 'update' or e.old ? 'status')
  order by e.project_id, e.row_id, e.version
),
first_due_dates as (
  select distinct on (e.project_id, e.row_id) e.project_id, e.row_id, (e.old ->> 'due_date')::timestamptz as due_date
  from week w
  cross join task_events e
  where e.at >= w.week_ago and (e.verb <> 'update' or e.old ? 'due_date')
  order by e.project_id, e.row_id, e.version
),
pending as (
  select t.project_id, t.id, t.assignee_id, t.due_date
  from batch b join public.tasks t on t.project_id = b.id
  where t.status <> 'done'
),
pending_before as (
  select coalesce(s.project_id, t.project_id) as project_id,
    case when d.row_id is null then t.due_date else d.due_date end as due_date
  from pending t
  full join first_statuses s on s.project_id = t.project_id and s.row_id = t.id
  left join first_due_dates d
    on d.project_id = coalesce(s.project_id, t.project_id) and d.row_id = coalesce(s.row_id, t.id)
  where s.row_id is null or s.verb <> 'insert' and s.status <> 'done'
),
-- By assignee; null are the tasks of nobody.
people as (
  select c.project_id, c.assignee_id, sum(c.done)::integer as done, sum(c.open)::integer as open,
    sum(c.overdue)::integer as overdue
  from (
    select project_id, assignee_id, 1 as done, 0 as open, 0 as overdue from done where is_this_week
    union all
    select t.project_id, t.assignee_id, 0, 1, coalesce((t.due_date < w.now)::integer, 0) from week w cross join pending t
  ) c
  group by c.project_id, c.assignee_id
),
done_totals as (
  select d.project_id,
    count(*) filter (where d.is_this_week) as total,
    count(*) filter (where not d.is_this_week) as total_before,
    json_build_array(
      count(*) filter (where d.day = 0), count(*) filter (where d.day = 1),
      count(*) filter (where d.day = 2), count(*) filter (where d.day = 3),
      count(*) filter (where d.day = 4), count(*) filter (where d.day = 5),
      count(*) filter (where d.day = 6)
    ) as by_day,
    json_build_array(
      count(*) filter (where d.day = -7), count(*) filter (where d.day = -6),
      count(*) filter (where d.day = -5), count(*) filter (where d.day = -4),
      count(*) filter (where d.day = -3), count(*) filter (where d.day = -2),
      count(*) filter (where d.day = -1)
    ) as by_day_before
  from done d
  group by d.project_id
),
pending_totals as (
  select t.project_id, count(*) as open, count(*) filter (where t.due_date < w.now) as overdue
  from week w cross join pending t
  group by t.project_id
),
pending_totals_before as (
  select t.project_id, count(*) as open, count(*) filter (where t.due_date < w.week_ago) as overdue
  from week w cross join pending_before t
  group by t.project_id
),
people_lists as (
  select k.project_id, json_agg(
    json_build_object('name', u.name, 'done', k.done, 'open', k.open, 'overdue', k.overdue)
    order by k.done desc, k.open desc, u.name, k.assignee_id
  ) as people
  from people k
  join public.users u on u.id = k.assignee_id
  group by k.project_id
),
-- Materialized: counted once for all owners, and not once for each.
project_reports as materialized (
  select b.owner_id, b.number, json_build_object(
    'id', b.id,
    'name', b.name,
    'done', coalesce(d.total, 0),
    'doneBefore', coalesce(d.total_before, 0),
    'open', coalesce(t.open, 0),
    'openBefore', coalesce(f.open, 0),
    'overdue', coalesce(t.overdue, 0),
    'overdueBefore', coalesce(f.overdue, 0),
    'doneByDay', coalesce(d.by_day, '[0, 0, 0, 0, 0, 0, 0]'),
    'doneByDayBefore', coalesce(d.by_day_before, '[0, 0, 0, 0, 0, 0, 0]'),
    'people', coalesce(k.people, '[]')
  ) as report
  from batch b
  left join done_totals d on d.project_id = b.id
  left join pending_totals t on t.project_id = b.id
  left join pending_totals_before f on f.project_id = b.id
  left join people_lists k on k.project_id = b.id
)
select json_build_object(
  'ownerId', o.id,
  'email', o.email,
  'locale', o.locale,
  'projectCount', (select count(*) from reported r where r.owner_id = o.id),
  'projects', (select json_agg(p.report order by p.number) from project_reports p where p.owner_id = o.id)
) as report
from owners o
order by o.id
