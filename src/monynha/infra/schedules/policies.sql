-- Rights on the runs of schedules: only the system actor "scheduler" has any. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on monynha.schedule_runs
  for all to monynha_owner using (true) with check (true);
create policy "scheduler can view schedule runs" on monynha.schedule_runs for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'scheduler');
create policy "scheduler can record schedule runs" on monynha.schedule_runs for insert to monynha_system
  with check ((select current_setting('monynha.actor', true)) = 'scheduler');
create policy "scheduler can complete schedule runs" on monynha.schedule_runs for update to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'scheduler')
  with check ((select current_setting('monynha.actor', true)) = 'scheduler');
grant select (schedule, tick, job_id, enqueued_at), insert (schedule, tick), update (job_id, enqueued_at)
  on monynha.schedule_runs to monynha_system;
