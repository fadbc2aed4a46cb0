-- Rights on tasks. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on public.tasks
  for all to monynha_owner using (true) with check (true);

create policy "members can view tasks of their projects" on public.tasks for select to monynha_app
  using (project_id = any (array(select public.visible_project_ids())));

create policy "members can create tasks in their active projects" on public.tasks for insert to monynha_app
  with check (project_id = any (array(select public.editable_project_ids())));

create policy "members and assignees can update tasks" on public.tasks for update to monynha_app
  using (
    project_id = any (array(select public.editable_project_ids()))
    or assignee_id = (select auth.uid()) and project_id = any (array(select public.active_project_ids()))
  )
  with check (
    project_id = any (array(select public.editable_project_ids()))
    or assignee_id = (select auth.uid()) and project_id = any (array(select public.active_project_ids()))
  );

create policy "members can delete tasks of their active projects" on public.tasks for delete to monynha_app
  using (project_id = any (array(select public.editable_project_ids())));

create policy "system admins can view all tasks" on public.tasks for select to monynha_admin
  using ((select auth.is_admin()));

create policy "system admins have the rights of owners" on public.tasks for all to monynha_admin
  using (
    (select auth.is_admin())
    and exists (select from public.projects p where p.id = project_id and p.status = 'active')
  )
  with check (
    (select auth.is_admin())
    and exists (select from public.projects p where p.id = project_id and p.status = 'active')
  );

create policy "what belongs to projects that require aal2 is withheld below it" on public.tasks
  as restrictive for all to monynha_admin
  using (project_id <> all ((select public.withheld_project_ids())::uuid[]))
  with check (project_id <> all ((select public.withheld_project_ids())::uuid[]));
