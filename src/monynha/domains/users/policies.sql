-- Who may see and change people. Applied whole by `migrate`; the last word.

create policy "the owner keeps house" on public.users for all to monynha_owner using (true) with check (true);

create policy "everybody signed in sees everybody" on public.users for select to monynha_app
  using ((select auth.uid()) is not null);

create policy "people change themselves" on public.users for update to monynha_app
  using (id = (select auth.uid()))
  with check (id = (select auth.uid()));

create policy "people delete themselves" on public.users for delete to monynha_app
  using (id = (select auth.uid()));

create policy "admins do all that owners may" on public.users for all to monynha_admin
  using ((select auth.is_admin())) with check ((select auth.is_admin()));

create policy "auth keeps profiles in step with accounts" on public.users for all to monynha_system
  using ((select current_setting('monynha.actor', true)) = 'auth')
  with check ((select current_setting('monynha.actor', true)) = 'auth');

grant select, insert, update, delete on public.users to monynha_system;
