-- Who may see and change posts. Applied whole by `migrate`; the last word.

create policy "the owner keeps house" on public.posts for all to monynha_owner using (true) with check (true);

create policy "everybody signed in reads posts" on public.posts for select to monynha_app
  using ((select auth.uid()) is not null);

create policy "people write their own posts" on public.posts for insert to monynha_app
  with check (author_id = (select auth.uid()));

create policy "authors change their posts" on public.posts for update to monynha_app
  using (author_id = (select auth.uid()))
  with check (author_id = (select auth.uid()));

create policy "authors delete their posts" on public.posts for delete to monynha_app
  using (author_id = (select auth.uid()));

create policy "admins do all that owners may" on public.posts for all to monynha_admin
  using ((select auth.is_admin())) with check ((select auth.is_admin()));
