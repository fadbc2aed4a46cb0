-- Rights on background jobs: only the system actor "jobs" works on them, and only admins see them, without private
-- data. Everybody may enqueue through a function. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on monynha.jobs
  for all to monynha_owner using (true) with check (true);

create policy "job workers can manage jobs" on monynha.jobs for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'jobs')
  with check ((select current_setting('monynha.actor', true)) = 'jobs');

create policy "system admins can view jobs" on monynha.jobs for select to monynha_admin
  using ((select auth.is_admin()));

grant select, update, delete on monynha.jobs to monynha_system;
grant select (
    id, queue, state, priority, payload, result, attempts, max_attempts, progress, last_error, dedup_key, requester_id,
    run_at, started_at, finished_at, created_at, updated_at
  ) on monynha.jobs to monynha_admin;

grant execute on function
  monynha.enqueue_job(text, jsonb, integer, interval, text, integer),
  monynha.enqueue_jobs(text, jsonb[], integer, interval, integer)
  to monynha_app, monynha_admin, monynha_system;
grant execute on function monynha.retry_job(uuid), monynha.cancel_job(uuid) to monynha_admin;
grant execute on function
  monynha.claim_jobs(uuid, text[], integer, interval),
  monynha.record_job_outcomes(uuid, json, interval),
  monynha.extend_job_leases(uuid, json, interval),
  monynha.recover_jobs(),
  monynha.delete_ended_jobs(text[], timestamptz, integer)
  to monynha_system;
