-- Rights of reports: the system actor "reports" reads what it counts, nobody but system admins reads analytics.
-- Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on monynha.weekly_reports
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on monynha.analytics
  for all to monynha_owner using (true) with check (true);

create policy "report service can view user profiles" on public.users for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
create policy "report service can view projects" on public.projects for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
create policy "report service can view tasks" on public.tasks for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
create policy "report service can view events" on monynha.events for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
create policy "report service can view objects" on storage.objects for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
create policy "report service can view jobs" on monynha.jobs for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
grant select (created_at, metadata) on storage.objects to monynha_system;
grant select (id, name, owner_id, status, settings, created_at) on public.projects to monynha_system;
grant select (id, project_id, status, assignee_id, due_date) on public.tasks to monynha_system;
grant execute on function auth.recipient_locale(uuid) to monynha_system;

create policy "report service can view weekly reports" on monynha.weekly_reports for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
create policy "report service can create weekly reports" on monynha.weekly_reports for insert to monynha_system
  with check ((select current_setting('monynha.actor', true)) = 'reports');
grant select (owner_id, week), insert (owner_id, week) on monynha.weekly_reports to monynha_system;

create policy "owner role: full access for migrations and triggers" on monynha.report_unsubscriptions
  for all to monynha_owner using (true) with check (true);
create policy "report service can view unsubscriptions" on monynha.report_unsubscriptions for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
create policy "report service can store unsubscriptions" on monynha.report_unsubscriptions for insert to monynha_system
  with check ((select current_setting('monynha.actor', true)) = 'reports');
create policy "report service can delete unsubscriptions" on monynha.report_unsubscriptions for delete to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
grant select (owner_id), insert (owner_id), delete on monynha.report_unsubscriptions to monynha_system;

create policy "report service can view analytics" on monynha.analytics for select to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'reports');
create policy "report service can store analytics" on monynha.analytics for insert to monynha_system
  with check ((select current_setting('monynha.actor', true)) = 'reports');
grant select, insert on monynha.analytics to monynha_system;

create policy "system admins can view analytics" on monynha.analytics for select to monynha_admin
  using ((select auth.is_admin()));
grant select (
    period, starts_on, users, active_users, projects, tasks_created, tasks_done, storage_bytes, jobs, computed_at
  ) on monynha.analytics to monynha_admin;
grant execute on function monynha.analytics_between(date, date) to monynha_admin;
