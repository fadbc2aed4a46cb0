-- Rights on projects and their members. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on public.projects
  for all to monynha_owner using (true) with check (true);
create policy "owner role: full access for migrations and triggers" on public.project_members
  for all to monynha_owner using (true) with check (true);

-- Projects

create policy "members can view their projects" on public.projects for select to monynha_app
  using (
    owner_id = (select auth.reader_uid())
    or id = any (array(select public.visible_project_ids()))
  );

create policy "users can create projects they own" on public.projects for insert to monynha_app
  with check (owner_id = (select auth.writer_uid()));

create policy "owners and admins can update projects" on public.projects for update to monynha_app
  using (id = any (array(select public.manageable_project_ids())))
  with check (id = any (array(select public.manageable_project_ids())));

create policy "owners can delete their projects" on public.projects for delete to monynha_app
  using (id = any (array(select public.owned_project_ids())));

create policy "system admins have the rights of owners" on public.projects for all to monynha_admin
  using ((select auth.is_admin())) with check ((select auth.is_admin()));

create policy "owner role: full access for migrations and triggers" on monynha.projects_requiring_aal2
  for all to monynha_owner using (true) with check (true);

create policy "projects that require aal2 are withheld below it" on public.projects
  as restrictive for all to monynha_app, monynha_admin
  using (not requires_aal2 or (select auth.is_aal2()))
  with check (not requires_aal2 or (select auth.is_aal2()));

-- Members

create policy "members can view members of their projects" on public.project_members for select to monynha_app
  using (project_id = any (array(select public.visible_project_ids())));

create policy "admins can add members, owners also admins" on public.project_members for insert to monynha_app
  with check (
    (select auth.can_administer())
      and project_id = any (array(select public.active_project_ids()))
      and (
        role in ('viewer', 'member') and project_id = any (array(select public.manageable_project_ids()))
        or role = 'admin' and project_id = any (array(select public.owned_project_ids()))
      )
  );

create policy "anonymous users cannot add members" on public.project_members as restrictive for insert to monynha_app
  with check (not (select auth.is_anonymous()));

create policy "admins can update members, owners also admins" on public.project_members for update to monynha_app
  using (
    (select auth.can_administer())
      and project_id = any (array(select public.active_project_ids()))
      and (
        role in ('viewer', 'member') and project_id = any (array(select public.manageable_project_ids()))
        or project_id = any (array(select public.owned_project_ids()))
      )
  )
  with check (
    role in ('viewer', 'member') and project_id = any (array(select public.manageable_project_ids()))
    or project_id = any (array(select public.owned_project_ids()))
  );

create policy "members can leave, admins can remove, owners also remove admins" on public.project_members
  for delete to monynha_app
  using (
    (select auth.can_administer())
    and (
      user_id = (select auth.uid()) and project_id = any (array(select public.visible_project_ids()))
      or project_id = any (array(select public.active_project_ids()))
        and (
          role in ('viewer', 'member') and project_id = any (array(select public.manageable_project_ids()))
          or project_id = any (array(select public.owned_project_ids()))
        )
    )
  );

create policy "system admins can view all members" on public.project_members for select to monynha_admin
  using ((select auth.is_admin()));

create policy "system admins have the rights of owners" on public.project_members for all to monynha_admin
  using (
    (select auth.is_admin())
    and exists (select from public.projects p where p.id = project_id and p.status = 'active')
  )
  with check (
    (select auth.is_admin())
    and exists (select from public.projects p where p.id = project_id and p.status = 'active')
  );

create policy "system admins can leave projects" on public.project_members for delete to monynha_admin
  using (user_id = (select auth.uid()));

create policy "what belongs to projects that require aal2 is withheld below it" on public.project_members
  as restrictive for all to monynha_admin
  using (project_id <> all ((select public.withheld_project_ids())::uuid[]))
  with check (project_id <> all ((select public.withheld_project_ids())::uuid[]));

grant select on public.visible_emails to monynha_app, monynha_admin;

revoke execute on all functions in schema public from public;
grant execute on function public.visible_project_ids(), public.editable_project_ids(), public.active_project_ids(),
  public.manageable_project_ids(), public.owned_project_ids(), public.withheld_project_ids(),
  public.visible_user_ids(), public.user_id_by_email(text)
  to monynha_app, monynha_admin;
grant execute on function monynha.is_withheld(uuid[]) to monynha_app, monynha_admin;
