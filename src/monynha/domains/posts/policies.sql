-- Rights on posts. Applied as a whole by `monynha migrate`.

create policy "owner role: full access for migrations and triggers" on public.posts
  for all to monynha_owner using (true) with check (true);

create policy "signed-in users can view posts" on public.posts for select to monynha_app
  using ((select auth.reader_uid()) is not null);

create policy "users can create their own posts" on public.posts for insert to monynha_app
  with check (author_id = (select auth.writer_uid()));

create policy "anonymous users can view no posts of others" on public.posts as restrictive for select to monynha_app
  using (author_id = (select auth.uid()) or not (select auth.is_anonymous()));

create policy "anonymous users cannot create posts" on public.posts as restrictive for insert to monynha_app
  with check (not (select auth.is_anonymous()));

create policy "authors can update their posts" on public.posts for update to monynha_app
  using (author_id = (select auth.writer_uid()))
  with check (author_id = (select auth.writer_uid()));

create policy "authors can delete their posts" on public.posts for delete to monynha_app
  using (author_id = (select auth.writer_uid()));

create policy "system admins have the rights of owners" on public.posts for all to monynha_admin
  using ((select auth.is_admin())) with check ((select auth.is_admin()));
