-- Rights on files. Applied as a whole by `monynha migrate`. A file is created, moved and processed by functions that
-- the policies of its object precede, so nobody has the right to insert or update one.

create policy "owner role: full access for migrations and triggers" on public.files
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on monynha.project_file_usage
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on monynha.user_file_usage
  for all to monynha_owner using (true) with check (true);

create policy "members can view files of their projects" on public.files for select to monynha_app
  using (project_id = any (array(select public.visible_project_ids())));

create policy "members can delete files of their active projects" on public.files for delete to monynha_app
  using (project_id = any (array(select public.editable_project_ids())));

create policy "system admins can view all files" on public.files for select to monynha_admin
  using ((select auth.is_admin()));

create policy "system admins can delete files of active projects" on public.files for delete to monynha_admin
  using (
    (select auth.is_admin())
    and exists (select from public.projects p where p.id = project_id and p.status = 'active')
  );

create policy "what belongs to projects that require aal2 is withheld below it" on public.files
  as restrictive for all to monynha_admin
  using (project_id <> all ((select public.withheld_project_ids())::uuid[]))
  with check (project_id <> all ((select public.withheld_project_ids())::uuid[]));

grant execute on function
  monynha.record_file(uuid, text, uuid, boolean), monynha.move_file(uuid, text), monynha.file_usage(uuid),
  monynha.expected_file_usage(uuid)
  to monynha_app, monynha_admin;
grant execute on function
  monynha.file_to_process(uuid), monynha.finish_file(uuid, text, json, text, json, boolean),
  monynha.fail_abandoned_files(timestamptz), monynha.used_avatars(text[])
  to monynha_system;
