-- Background jobs: enqueued in the transaction of the change that asks for them, so that a job exists exactly when its
-- change does. Claimed in batches with `for update skip locked`; a job whose lease ends is taken over by others.

create table monynha.jobs (
  id uuid primary key default gen_random_uuid(),
  queue text not null,
  state text not null default 'ready',
  priority integer not null default 0,
  payload jsonb not null,
  -- The key `data` of the payload: may hold links with one-time tokens, so only workers read it, and it is deleted
  -- with the success of the job.
  private_data jsonb,
  dedup_key text,
  -- Whose change enqueued it; null for the program itself. No foreign key: the job outlives the account.
  requester_id uuid,
  attempts integer not null default 0,
  max_attempts integer not null default 3,
  run_at timestamptz not null,
  locked_by uuid,
  locked_until timestamptz,
  progress smallint not null default 0,
  result jsonb,
  last_error text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  constraint job_state_is_known check (state in ('ready', 'active', 'completed', 'dead', 'cancelled')),
  constraint job_payload_is_an_object check (jsonb_typeof(payload) = 'object'),
  constraint job_queue_is_named check (length(queue) between 1 and 100),
  constraint job_dedup_key_is_short check (length(dedup_key) between 1 and 500),
  constraint job_max_attempts_is_in_range check (max_attempts between 1 and 100)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
comment on table monynha.jobs is 'Background jobs: those that wait, those that run, and for a while those that ended.';

-- Finds the next job of a queue.
create index jobs_ready_idx on monynha.jobs (queue, priority desc, run_at, id) where state = 'ready';
-- Finds the jobs whose worker has stopped. Without the lease's end, so that extending it changes no index.
create index jobs_active_idx on monynha.jobs (locked_by) where state = 'active';
-- The order of the list, and what is old enough to be deleted.
create index jobs_created_at_idx on monynha.jobs (created_at desc, id desc);
create unique index jobs_queue_dedup_key_idx on monynha.jobs (queue, dedup_key)
  where state in ('ready', 'active') and dedup_key is not null;

alter table monynha.jobs enable row level security;
alter table monynha.jobs force row level security;

create function monynha.report_job(job_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  -- The program hears this notice when the transaction has committed, and wakes its workers.
  if current_setting('monynha.report_writes', true) = 'on' then
    raise notice 'monynha:jobs % 0', job_id;
  end if;
end
$$;
comment on function monynha.report_job(uuid) is
  'Reports to the program that a job was cancelled, or for the id of zeros that jobs are ready.';

create function monynha.report_ready_jobs() returns void
language plpgsql set search_path = '' as $$
begin
  -- Once in a transaction, however many jobs it enqueues.
  if current_setting('monynha.has_ready_jobs', true) is distinct from 'on' then
    perform set_config('monynha.has_ready_jobs', 'on', true);
    perform monynha.report_job('00000000-0000-0000-0000-000000000000');
  end if;
end
$$;
comment on function monynha.report_ready_jobs() is 'Reports to the program that the transaction makes jobs ready.';

create function monynha.enqueue_job(
  queue text,
  payload jsonb,
  priority integer default 0,
  delay interval default '0',
  dedup_key text default null,
  max_attempts integer default 3
) returns uuid
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  job_id uuid;
begin
  loop
    insert into monynha.jobs as j (queue, payload, private_data, priority, dedup_key, requester_id, max_attempts, run_at)
    values (
      enqueue_job.queue, enqueue_job.payload - 'data', enqueue_job.payload -> 'data', enqueue_job.priority,
      enqueue_job.dedup_key, auth.uid(), enqueue_job.max_attempts,
      clock_timestamp() + greatest(enqueue_job.delay, interval '0')
    )
    on conflict (queue, dedup_key) where state in ('ready', 'active') and dedup_key is not null do nothing
    returning j.id into job_id;
    exit when found;
    select j.id into job_id from monynha.jobs j
      where j.queue = enqueue_job.queue and j.dedup_key = enqueue_job.dedup_key and j.state in ('ready', 'active');
    -- None, if the job with the same key has just ended: then this one is inserted after all.
    if found then
      return job_id;
    end if;
  end loop;
  if enqueue_job.delay <= interval '0' then
    perform monynha.report_ready_jobs();
  end if;
  return job_id;
end
$$;
comment on function monynha.enqueue_job(text, jsonb, integer, interval, text, integer) is
  'Enqueues a job for the caller and returns its id; with a deduplication key that a job of the queue has which waits '
  'or runs, returns the id of that job.';

create function monynha.enqueue_jobs(
  queue text, payloads jsonb[], priority integer default 0, delay interval default '0', max_attempts integer default 3
) returns bigint
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  enqueued bigint;
begin
  insert into monynha.jobs (queue, payload, private_data, priority, requester_id, max_attempts, run_at)
  select enqueue_jobs.queue, p.payload - 'data', p.payload -> 'data', enqueue_jobs.priority, (select auth.uid()),
    enqueue_jobs.max_attempts, clock_timestamp() + greatest(enqueue_jobs.delay, interval '0')
  from unnest(enqueue_jobs.payloads) as p (payload);
  get diagnostics enqueued = row_count;
  if enqueued > 0 and enqueue_jobs.delay <= interval '0' then
    perform monynha.report_ready_jobs();
  end if;
  return enqueued;
end
$$;
comment on function monynha.enqueue_jobs(text, jsonb[], integer, interval, integer) is
  'Enqueues a job for each payload, and returns how many.';

-- What workers do. Each function is one round trip; they run with the rights of the system actor "jobs".

create function monynha.claim_jobs(worker uuid, queues text[], max_jobs integer, lease interval)
returns table (id uuid, queue text, payload jsonb, attempt integer, requester_id uuid)
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  head record;
  remaining integer := max_jobs;
  claimed integer;
begin
  -- One step for each queue and priority that has a job which is due, so that delayed jobs cost nothing.
  for head in
    with recursive heads (queue, priority) as (
      select q.queue, (select max(j.priority) from monynha.jobs j where j.queue = q.queue and j.state = 'ready')
      from unnest(queues) as q (queue)
      union all
      select h.queue, (
        select max(j.priority) from monynha.jobs j
        where j.queue = h.queue and j.state = 'ready' and j.priority < h.priority
      )
      from heads h where h.priority is not null
    )
    select h.queue, h.priority from heads h
    cross join lateral (
      select j.run_at from monynha.jobs j
      where j.queue = h.queue and j.priority = h.priority and j.state = 'ready' order by j.run_at, j.id limit 1
    ) first
    where h.priority is not null and first.run_at <= now()
    order by h.priority desc, first.run_at
  loop
    return query
      with claimed_jobs as (
        update monynha.jobs j
        set state = 'active', attempts = j.attempts + 1, locked_by = worker, locked_until = clock_timestamp() + lease,
          progress = 0, started_at = clock_timestamp(), updated_at = clock_timestamp()
        where j.id = any (array(
          select n.id from monynha.jobs n
          where n.queue = head.queue and n.priority = head.priority and n.state = 'ready' and n.run_at <= now()
          order by n.run_at, n.id limit remaining for update skip locked
        ))
        returning j.id, j.queue, j.payload, j.private_data, j.attempts, j.requester_id, j.run_at
      )
      select c.id, c.queue,
        case when c.private_data is null then c.payload
          else c.payload || jsonb_build_object('data', c.private_data) end,
        c.attempts, c.requester_id
      from claimed_jobs c order by c.run_at, c.id;
    get diagnostics claimed = row_count;
    remaining := remaining - claimed;
    exit when remaining <= 0;
  end loop;
end
$$;
comment on function monynha.claim_jobs(uuid, text[], integer, interval) is
  'Claims up to so many jobs that are due, by priority and then by time, until the lease ends.';

create function monynha.record_job_outcomes(worker uuid, outcomes json, base_delay interval default '5 seconds')
returns bigint
language plpgsql set search_path = '' as $$
declare
  recorded bigint;
begin
  -- The conditions refuse a worker whose job was taken over, or cancelled, meanwhile.
  update monynha.jobs j
  set state = case
      when o.outcome = 'released' or o.outcome = 'failed' and j.attempts < j.max_attempts then 'ready'
      when o.outcome = 'completed' then 'completed'
      else 'dead'
    end,
    attempts = j.attempts - case when o.outcome = 'released' then 1 else 0 end,
    -- 5 s after the first attempt, 10 s after the second, and so on, an hour at most.
    run_at = case when o.outcome = 'failed' and j.attempts < j.max_attempts
      then clock_timestamp() + least(base_delay * 2 ^ least(j.attempts - 1, 20), interval '1 hour') else j.run_at end,
    progress = case o.outcome when 'completed' then 100 when 'released' then 0 else j.progress end,
    result = case when o.outcome = 'completed' then o.result else j.result end,
    private_data = case when o.outcome = 'completed' then null else j.private_data end,
    last_error = coalesce(left(o.error, 2000), j.last_error),
    finished_at = case
      when o.outcome in ('completed', 'dead') or o.outcome = 'failed' and j.attempts >= j.max_attempts
      then clock_timestamp() end,
    locked_by = null, locked_until = null, updated_at = clock_timestamp()
  from json_to_recordset(outcomes) as o (id uuid, attempt integer, outcome text, result jsonb, error text)
  where j.id = o.id and j.locked_by = worker and j.attempts = o.attempt and j.state = 'active';
  get diagnostics recorded = row_count;
  return recorded;
end
$$;
comment on function monynha.record_job_outcomes(uuid, json, interval) is
  'Records how jobs of the worker ended: completed, failed, dead or released. Returns how many were still its own.';

create function monynha.extend_job_leases(worker uuid, held json, lease interval) returns setof uuid
language plpgsql set search_path = '' as $$
begin
  return query
    update monynha.jobs j
    set locked_until = clock_timestamp() + lease, progress = h.progress,
      updated_at = case when j.progress = h.progress then j.updated_at else clock_timestamp() end
    from json_to_recordset(held) as h (id uuid, attempt integer, progress smallint)
    where j.id = h.id and j.locked_by = worker and j.attempts = h.attempt and j.state = 'active'
    returning j.id;
end
$$;
comment on function monynha.extend_job_leases(uuid, json, interval) is
  'Extends the leases of jobs that the worker runs, with their progress; returns those that are still its own.';

create function monynha.recover_jobs() returns bigint
language plpgsql set search_path = '' as $$
declare
  recovered bigint;
begin
  update monynha.jobs j
  set state = case when j.attempts >= j.max_attempts then 'dead' else 'ready' end,
    finished_at = case when j.attempts >= j.max_attempts then clock_timestamp() end,
    last_error = 'The worker stopped responding before the job was finished.',
    locked_by = null, locked_until = null, updated_at = clock_timestamp()
  where j.id = any (array(
    select e.id from monynha.jobs e where e.state = 'active' and e.locked_until < now() limit 1000 for update skip locked
  ));
  get diagnostics recovered = row_count;
  return recovered;
end
$$;
comment on function monynha.recover_jobs() is
  'Makes the jobs ready again whose worker has stopped; those without attempts left are dead. Returns how many.';

create function monynha.delete_ended_jobs(states text[], ended_before timestamptz, max_jobs integer) returns bigint
language plpgsql set search_path = '' as $$
declare
  deleted bigint;
begin
  -- A job ends after its creation, so the index of creation times narrows what is looked at.
  delete from monynha.jobs j where j.id = any (array(
    select e.id from monynha.jobs e
    where e.created_at < ended_before and e.finished_at < ended_before and e.state = any (states)
    order by e.created_at limit max_jobs for update skip locked
  ));
  get diagnostics deleted = row_count;
  return deleted;
end
$$;
comment on function monynha.delete_ended_jobs(text[], timestamptz, integer) is
  'Deletes up to so many jobs in these states that ended before a time; returns how many.';

-- What admins do.

create function monynha.retry_job(job_id uuid) returns text
language plpgsql security definer set search_path = '' as $$
declare
  previous_state text;
begin
  select j.state into previous_state from monynha.jobs j where j.id = job_id for update;
  if previous_state in ('dead', 'cancelled') then
    update monynha.jobs j
    set state = 'ready', attempts = 0, progress = 0, run_at = clock_timestamp(), started_at = null, finished_at = null,
      updated_at = clock_timestamp()
    where j.id = job_id;
    perform monynha.report_ready_jobs();
  end if;
  return previous_state;
end
$$;
comment on function monynha.retry_job(uuid) is
  'Makes a dead or cancelled job ready with all its attempts; returns the state that it had, null without such a job.';

create function monynha.cancel_job(job_id uuid) returns text
language plpgsql security definer set search_path = '' as $$
declare
  previous_state text;
begin
  select j.state into previous_state from monynha.jobs j where j.id = job_id for update;
  if previous_state in ('ready', 'active') then
    update monynha.jobs j
    set state = 'cancelled', finished_at = clock_timestamp(), locked_by = null, locked_until = null,
      updated_at = clock_timestamp()
    where j.id = job_id;
    -- Its worker, if it has one, interrupts it.
    perform monynha.report_job(job_id);
  end if;
  return previous_state;
end
$$;
comment on function monynha.cancel_job(uuid) is
  'Cancels a job that waits or runs; returns the state that it had, null without such a job.';

-- With the rights of the caller, whom the policies of the table let see its rows: only admins. A view that runs with
-- its owner's rights could not use the index of the list's order.
create view public.jobs with (security_invoker) as
  select
    j.id, j.queue, j.state, j.priority, j.payload,
    case when j.result is null or jsonb_typeof(j.result) = 'object' then j.result
      else jsonb_build_object('value', j.result) end as result,
    j.attempts, j.max_attempts, j.progress, j.last_error, j.dedup_key, j.requester_id,
    j.run_at, j.started_at, j.finished_at, j.created_at, j.updated_at,
    (extract(epoch from j.updated_at) * 1000000)::bigint as version
  from monynha.jobs j;
comment on view public.jobs is 'Background jobs as system admins see them: without private data.';
