-- Who may see and change tasks. Applied whole by `migrate`; the last word.

create policy "the owner keeps house" on public.tasks for all to monynha_owner using (true) with check (true);

create policy "members see the tasks of their projects" on public.tasks for select to monynha_app
  using (project_id = any (array(select public.projects_i_see())));

create policy "members add tasks to their active projects" on public.tasks for insert to monynha_app
  with check (project_id = any (array(select public.projects_i_edit())));

create policy "members and assignees change tasks" on public.tasks for update to monynha_app
  using (
    project_id = any (array(select public.projects_i_edit()))
    or assignee_id = (select auth.uid()) and project_id = any (array(select public.projects_open_to_me()))
  )
  with check (
    project_id = any (array(select public.projects_i_edit()))
    or assignee_id = (select auth.uid()) and project_id = any (array(select public.projects_open_to_me()))
  );

create policy "members delete tasks of their active projects" on public.tasks for delete to monynha_app
  using (project_id = any (array(select public.projects_i_edit())));

create policy "admins see every task" on public.tasks for select to monynha_admin
  using ((select auth.is_admin()));

create policy "admins do all that owners may" on public.tasks for all to monynha_admin
  using (
    (select auth.is_admin())
    and exists (select from public.projects p where p.id = project_id and p.status = 'active')
  )
  with check (
    (select auth.is_admin())
    and exists (select from public.projects p where p.id = project_id and p.status = 'active')
  );
