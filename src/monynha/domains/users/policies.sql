-- Rights on user profiles. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on public.users
  for all to monynha_owner using (true) with check (true);

create policy "signed-in users can view confirmed users" on public.users for select to monynha_app
  using (
    (select auth.reader_uid()) is not null
    and (email_verified or email is null or id = (select auth.uid()))
  );

create policy "tokens of projects can view their members" on public.users for select to monynha_app
  using (
    (select auth.is_project_limited()) and id = any (array(select public.visible_user_ids()))
  );


create policy "users see no provisional users, anonymous users nobody but themselves" on public.users
  as restrictive for select to monynha_app
  using (id = (select auth.uid()) or not is_provisional and not (select auth.is_anonymous()));

create policy "users can update themselves" on public.users for update to monynha_app
  using (id = (select auth.account_uid()))
  with check (id = (select auth.account_uid()));

create policy "users can delete themselves" on public.users for delete to monynha_app
  using (id = (select auth.account_uid()));

create policy "system admins have the rights of owners" on public.users for all to monynha_admin
  using ((select auth.is_admin())) with check ((select auth.is_admin()));

create policy "auth service can manage user profiles" on public.users for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');

grant select, insert, update, delete on public.users to monynha_system;
