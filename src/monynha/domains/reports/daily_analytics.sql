-- Count the days from $1 to $2 that are not stored yet. $3 is the first day whose events are complete, or null if all
-- are. Runs as the system actor "reports".

insert into monynha.analytics (
  period, starts_on, users, projects, storage_bytes, jobs, active_users, tasks_created, tasks_done
)
select
  'day',
  day.first,
  (select count(*) from public.users u where u.created_at < day.finish),
  (select count(*) from public.projects p where p.created_at < day.finish),
  (select coalesce(sum((o.metadata ->> 'size')::bigint), 0) from storage.objects o where o.created_at < day.finish),
  (
    select count(*) from monynha.jobs j
    where j.state = 'completed' and j.finished_at >= day.start and j.finished_at < day.finish
  ),
  case when day.has_events then counts.active_users end,
  case when day.has_events then counts.tasks_created end,
  case when day.has_events then counts.tasks_done end
from (
  select d::date as first,
    d::date::timestamp at time zone 'UTC' as start,
    (d::date + 1)::timestamp at time zone 'UTC' as finish,
    $3::date is null or d::date >= $3::date as has_events
  from generate_series($1::date::timestamp, $2::date::timestamp, interval '1 day') d
  where not exists (select from monynha.analytics a where a.period = 'day' and a.starts_on = d::date)
) day
cross join lateral (
  select count(distinct e.actor) as active_users,
    -- One event in the stream of its project for each task, wherever else it may be written.
    count(*) filter (where e.kind = 'project' and e.resource = 'tasks' and e.verb = 'insert') as tasks_created,
    (
      select count(*) from (
        -- The last change of a task's status on that day.
        select distinct on (s.row_id) s.verb, s.new ->> 'status' as status
        from monynha.events s
        where s.at >= day.start and s.at < day.finish and s.kind = 'project' and s.resource = 'tasks'
          and (s.verb <> 'update' or s.old ? 'status')
        order by s.row_id, s.at desc, s.version desc
      ) last_change
      where last_change.verb <> 'delete' and last_change.status = 'done'
    ) as tasks_done
  from monynha.events e
  where e.at >= day.start and e.at < day.finish
) counts
on conflict do nothing
