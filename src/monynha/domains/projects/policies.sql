-- Who may see and change projects and their members. Applied whole by `migrate`; the last word.

create policy "the owner keeps house" on public.projects for all to monynha_owner using (true) with check (true);
create policy "the owner keeps house" on public.project_members for all to monynha_owner
  using (true) with check (true);

-- Projects

create policy "members see their projects" on public.projects for select to monynha_app
  using (
    owner_id = (select auth.uid())
    or id = any (array(select public.projects_i_see()))
  );

create policy "people make projects of their own" on public.projects for insert to monynha_app
  with check (owner_id = (select auth.uid()));

create policy "owners and admins change projects" on public.projects for update to monynha_app
  using (id = any (array(select public.projects_i_manage())))
  with check (id = any (array(select public.projects_i_manage())));

create policy "owners delete their projects" on public.projects for delete to monynha_app
  using (owner_id = (select auth.uid()));

create policy "admins do all that owners may" on public.projects for all to monynha_admin
  using ((select auth.is_admin())) with check ((select auth.is_admin()));

-- Members

create policy "members see each other" on public.project_members for select to monynha_app
  using (project_id = any (array(select public.projects_i_see())));

create policy "managers add members, owners also admins" on public.project_members for insert to monynha_app
  with check (
    project_id = any (array(select public.projects_open_to_me()))
      and (
        role in ('viewer', 'member') and project_id = any (array(select public.projects_i_manage()))
        or role = 'admin' and project_id = any (array(select public.projects_i_own()))
      )
  );

create policy "managers change members, owners also admins" on public.project_members for update to monynha_app
  using (
    project_id = any (array(select public.projects_open_to_me()))
      and (
        role in ('viewer', 'member') and project_id = any (array(select public.projects_i_manage()))
        or project_id = any (array(select public.projects_i_own()))
      )
  )
  with check (
    role in ('viewer', 'member') and project_id = any (array(select public.projects_i_manage()))
    or project_id = any (array(select public.projects_i_own()))
  );

create policy "people leave; managers remove members, owners also admins" on public.project_members
  for delete to monynha_app
  using (
    user_id = (select auth.uid())
    or project_id = any (array(select public.projects_open_to_me()))
      and (
        role in ('viewer', 'member') and project_id = any (array(select public.projects_i_manage()))
        or project_id = any (array(select public.projects_i_own()))
      )
  );

create policy "admins see every member" on public.project_members for select to monynha_admin
  using ((select auth.is_admin()));

create policy "admins do all that owners may" on public.project_members for all to monynha_admin
  using (
    (select auth.is_admin())
    and exists (select from public.projects p where p.id = project_id and p.status = 'active')
  )
  with check (
    (select auth.is_admin())
    and exists (select from public.projects p where p.id = project_id and p.status = 'active')
  );

create policy "admins leave as everybody does" on public.project_members for delete to monynha_admin
  using (user_id = (select auth.uid()));

grant select on public.visible_addresses to monynha_app, monynha_admin;

revoke execute on all functions in schema public from public;
grant execute on function public.projects_i_see(), public.projects_i_edit(), public.projects_open_to_me(),
  public.projects_i_manage(), public.projects_i_own(), public.user_with_address(text)
  to monynha_app, monynha_admin;
