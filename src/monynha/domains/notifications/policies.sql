-- Who may see and change notifications. Applied whole by `migrate`; the last word.

create policy "the owner keeps house" on public.notifications for all to monynha_owner using (true) with check (true);

create policy "people see what they are told" on public.notifications for select to monynha_app
  using (user_id = (select auth.uid()));

create policy "people mark what they have read" on public.notifications for update to monynha_app
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

create policy "admins do all that owners may" on public.notifications for all to monynha_admin
  using ((select auth.is_admin())) with check ((select auth.is_admin()));

grant update (read_at) on public.notifications to monynha_app, monynha_admin;
