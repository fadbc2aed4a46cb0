-- Store the month that begins on $1 from its days. $2 tells whether its events are complete.
-- Runs as the system actor "reports".

insert into monynha.analytics (
  period, starts_on, users, projects, storage_bytes, jobs, active_users, tasks_created, tasks_done
)
select
  'month',
  month.first,
  last_day.users,
  last_day.projects,
  last_day.storage_bytes,
  days.jobs,
  -- Who is active on two days is one active user of the month: the days do not add up.
  case when $2::boolean then (
    select count(distinct e.actor) from monynha.events e
    where e.at >= month.first::timestamp at time zone 'UTC' and e.at < month.finish::timestamp at time zone 'UTC'
  ) end,
  days.tasks_created,
  days.tasks_done
from (select $1::date as first, ($1::date + interval '1 month')::date as finish) month
join monynha.analytics last_day on last_day.period = 'day' and last_day.starts_on = month.finish - 1
cross join lateral (
  select sum(a.jobs) as jobs,
    case when bool_and(a.tasks_created is not null) then sum(a.tasks_created) end as tasks_created,
    case when bool_and(a.tasks_done is not null) then sum(a.tasks_done) end as tasks_done
  from monynha.analytics a
  where a.period = 'day' and a.starts_on >= month.first and a.starts_on < month.finish
) days
on conflict do nothing
